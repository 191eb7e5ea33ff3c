"""A person at a browser, as a script: follows redirects, fills in forms, presses the button that agrees."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

# Of a form with several buttons, none of these.
NO = ("cancel", "abort", "deny", "no", "reject")


class _Forms(HTMLParser):
    """The forms of a page: where each goes, its fields, its buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(
                {"action": of.get("action", ""), "method": of.get("method", "get"), "fields": [], "buttons": []}
            )
        elif self.found and tag == "button":
            self.found[-1]["buttons"].append(of)
        elif self.found and tag == "input" and of.get("type") in ("submit", "button"):
            self.found[-1]["buttons"].append(of)
        elif self.found and tag == "input" and of.get("name"):
            self.found[-1]["fields"].append(of)


class _Loopback(DefaultCookiePolicy):
    """To a browser, this machine is as good as https."""

    def return_ok_secure(self, cookie: Any, request: Any) -> bool:
        return True


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, **known: str) -> None:
        #: What goes into fields of these names, besides what stands there.
        self.known = known
        self.opener = urllib.request.build_opener(
            NoRedirect, urllib.request.HTTPCookieProcessor(CookieJar(_Loopback()))
        )

    def _ask(self, url: str, form: dict[str, str] | None) -> tuple[str | None, str]:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self.opener.open(urllib.request.Request(url, data, {"Accept": "text/html"}), timeout=30) as answer:
                return None, answer.read().decode()
        except urllib.error.HTTPError as error:
            if error.code in (301, 302, 303, 307):
                return urllib.parse.urljoin(url, error.headers["Location"]), ""
            return None, error.read().decode()

    def visit(self, url: str, until: str | None = None, agrees: bool = True) -> str:
        """Goes on until there is no form left, or a redirect to `until`; gives the page or the URL."""
        page, form, has_refused = "", None, False
        for _ in range(25):
            target, page = self._ask(url, form)
            form = None
            if target is not None:
                if until is not None and target.startswith(until):
                    return target
                url = target
                continue
            parser = _Forms()
            parser.feed(page)
            posts = [each for each in parser.found if each["method"].lower() == "post"]
            if not posts or has_refused:
                return page
            chosen = posts[0]
            form = {
                field["name"]: field.get("value", "")
                for field in chosen["fields"]
                if field.get("type") not in ("checkbox", "radio")
            }
            form.update({name: value for name, value in self.known.items() if name in form})
            for button in chosen["buttons"]:
                name, value = button.get("name", ""), button.get("value", "")
                is_no = any(word in (name + value + button.get("id", "")).lower() for word in NO)
                if name and is_no != agrees:
                    form[name] = value
                    has_refused = is_no
                    break
            url = urllib.parse.urljoin(url, chosen["action"].replace("&amp;", "&")) if chosen["action"] else url
        raise RuntimeError(f"no end of forms at {url}")
