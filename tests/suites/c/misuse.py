#!/usr/bin/env python3
"""Writes a C program that calls every function of keyfob.h in every wrong way, one at a time.

usage: misuse.py null|strings|numbers|panic > program.c

The functions and their arguments come from the header, so none can be forgotten: what is not
obvious about a function stands in the tables below, and a function or argument that they do not
cover stops this program.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "abi"))
import header as keyfob_header  # noqa: E402

# A value for each argument, by its name, with which the call succeeds. `world` is misuse.h's.
GOOD = {
    "config": "world.config",
    "client": "world.client",
    "request": "world.request",
    "response": "world.response",
    "mqtt": "world.mqtt",
    "login": "world.login",
    "redirect_uri": '"http://127.0.0.1:8400/"',
    "answer": "world.answer",
    "error": "world.error",
    "provider": '"kontakt"',
    "option": '"timeout_ms"',
    "value": '"30000"',
    "json": '"{}"',
    "path": "world.options_file",
    "prefix": '"NOTHING"',
    "token": '"a former token"',
    "method": '"GET"',
    "url": '"/status/200"',
    "pointer": '"/id_token"',
    "name": '"content-type"',
    "rel": '"next"',
    "http_status": "401",
    "dpop_nonce": '"a-nonce"',
    "www_authenticate": '"DPoP error=\\"use_dpop_nonce\\""',
    "body": '(const uint8_t *)"body"',
    "data": '(const uint8_t *)"body"',
    "len": "4",
    "buf": "world.buffer",
    "cap": "sizeof world.buffer",
    "index": "0",
    "ms": "0",
    "timeout_ms": "0",
    "max_level": "KEYFOB_LOG_LEVEL_DEBUG",
    "status": "KEYFOB_TIMEOUT",
    "idempotent": "true",
    "log": "ignore_line",
    "load": "load_nothing",
    "save": "save_nowhere",
    "lock": "take_no_lock",
    "unlock": "give_no_lock",
    "record": "world.record",
    "read": "read_a_body",
    "rewind": "rewind_a_body",
    "prolong": "prolong_no_lock",
    "wait": "wait_for_nothing",
    "progress": "ignore_progress",
    "length": "4",
    "sha256": "NULL",
    "known": "0",
    "file_name": '"image.bin"',
    "content_type": '"text/plain"',
    "lines": "8",
    "user_data": "&world",
}

# The same, for arguments that mean something else to one function.
GOOD_FOR = {
    ("keyfob_client_download", "path"): "world.download",
    ("keyfob_client_mqtt", "client"): "world.mqtt_client",
    ("keyfob_client_login_begin", "client"): "world.login_client",
    ("keyfob_client_login_begin_browser", "client"): "world.login_client",
    ("keyfob_client_login_wait", "client"): "world.login_client",
    ("keyfob_client_login_finish", "client"): "world.login_client",
    ("keyfob_client_login_finish", "login"): "world.browser_login",
    ("keyfob_response_read", "buf"): "(uint8_t *)world.buffer",
    ("keyfob_response_read_now", "buf"): "(uint8_t *)world.buffer",
    ("keyfob_config_set_store2", "save"): "save_nowhere2",
    ("keyfob_config_set_store2", "lock"): "take_no_lock2",
    ("keyfob_config_set_store2", "unlock"): "give_no_lock2",
}

# Arguments that may be NULL, besides `err` and what a free is given.
OPTIONAL = {
    ("keyfob_config_set_log", "log"),
    ("keyfob_config_set_log", "user_data"),
    ("keyfob_config_set_store", "user_data"),
    ("keyfob_config_set_store2", "wait"),
    ("keyfob_config_set_store2", "user_data"),
    ("keyfob_response_header_at", "value"),
    ("keyfob_response_body", "len"),
    ("keyfob_request_set_body_reader", "rewind"),
    ("keyfob_request_set_body_reader", "user_data"),
    ("keyfob_request_set_progress", "progress"),
    ("keyfob_request_set_progress", "user_data"),
    ("keyfob_client_download", "sha256"),
    ("keyfob_client_note_nonce", "dpop_nonce"),
    ("keyfob_client_note_nonce", "www_authenticate"),
    ("keyfob_client_next_log", "level"),
    ("keyfob_request_add_part", "file_name"),
    ("keyfob_request_add_part", "content_type"),
    ("keyfob_request_add_file", "file_name"),
    ("keyfob_request_add_file", "content_type"),
    ("keyfob_request_progress", "total"),
}

# What a function that returns no status returns for a NULL handle or name, and when it panics.
FALLBACK = {
    "keyfob_error_status": "result == KEYFOB_OK",
    "keyfob_error_message": 'result != NULL && strcmp(result, "") == 0',
    "keyfob_error_http_status": "result == 0",
    "keyfob_error_provider_code": "result == NULL",
    "keyfob_error_provider_message": "result == NULL",
    "keyfob_error_retry_after_ms": "result == -1",
    "keyfob_error_is_retriable": "!result",
    "keyfob_client_fresh_number": "result == 0",
    "keyfob_client_is_refusal": "!result",
    "keyfob_client_note_nonce": "!result",
    "keyfob_response_status": "result == 0",
    "keyfob_response_header": "result == NULL",
    "keyfob_response_header_at": "result == NULL",
    "keyfob_response_body": "result == NULL",
    "keyfob_response_length": "result == -1",
    "keyfob_login_url": "result == NULL",
    "keyfob_login_verification_uri": "result == NULL",
    "keyfob_login_verification_uri_complete": "result == NULL",
    "keyfob_login_user_code": "result == NULL",
    "keyfob_login_expires_in_ms": "result == -1",
    "keyfob_login_interval_ms": "result == -1",
    "keyfob_mqtt_url": "result == NULL",
    "keyfob_mqtt_client_id": "result == NULL",
    "keyfob_mqtt_username": "result == NULL",
    "keyfob_mqtt_password": "result == NULL",
}

# What they return for good arguments.
SUCCESS = {
    "keyfob_error_status": "result == KEYFOB_UNKNOWN_PROVIDER",
    "keyfob_error_provider_message": "result == NULL",
    "keyfob_error_message": "strlen(result) > 0",
    "keyfob_error_http_status": "result == 0",
    "keyfob_error_provider_code": "result == NULL",
    "keyfob_error_retry_after_ms": "result == -1",
    "keyfob_error_is_retriable": "!result",
    "keyfob_client_fresh_number": "result > 0",
    "keyfob_client_is_refusal": "result",
    # No token of this client is bound to a key.
    "keyfob_client_note_nonce": "!result",
    "keyfob_response_status": "result == 200",
    "keyfob_response_header": 'strcmp(result, "application/json") == 0',
    "keyfob_response_header_at": "strlen(result) > 0",
    "keyfob_response_body": "result != NULL",
    "keyfob_response_length": "result > 0",
    "keyfob_login_url": "strlen(result) > 0",
    "keyfob_login_verification_uri": "strlen(result) > 0",
    "keyfob_login_verification_uri_complete": "strlen(result) > 0",
    "keyfob_login_user_code": "strlen(result) > 0",
    "keyfob_login_expires_in_ms": "result > 0",
    "keyfob_login_interval_ms": "result > 0",
    "keyfob_mqtt_url": "strlen(result) > 0",
    "keyfob_mqtt_client_id": "strlen(result) > 0",
    "keyfob_mqtt_username": "strlen(result) > 0",
    "keyfob_mqtt_password": "strlen(result) > 0",
    "keyfob_abi_version": "result == KEYFOB_ABI_VERSION",
    "keyfob_version": "strlen(result) > 0",
    "keyfob_status_name": 'strcmp(result, "TIMEOUT") == 0',
}

# These look something up and have nothing in them that could panic.
CANNOT_PANIC = {
    "keyfob_abi_version",
    "keyfob_version",
    "keyfob_status_name",
    "keyfob_client_fresh_number",
}

# Arguments that lead past a hot path that has no wall around it, because nothing in it can panic.
PAST_THE_HOT_PATH = {"keyfob_client_token_copy": {"buf": "NULL", "cap": "0"}}

# What an empty string and one of a megabyte of the letter `a` lead to: a status, or for functions
# without one, what must hold of the result.
STRINGS = {
    ("keyfob_config_new", "provider"): ("UNKNOWN_PROVIDER", "UNKNOWN_PROVIDER"),
    ("keyfob_config_set", "option"): ("UNKNOWN_OPTION", "UNKNOWN_OPTION"),
    ("keyfob_config_set", "value"): ("INVALID_OPTION", "INVALID_OPTION"),
    ("keyfob_config_get", "option"): ("UNKNOWN_OPTION", "UNKNOWN_OPTION"),
    ("keyfob_config_load_json", "json"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_config_load_file", "path"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_config_load_env", "prefix"): ("INVALID_ARGUMENT", "OK"),
    ("keyfob_client_answer_member", "pointer"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_client_headers_for", "url"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_client_headers_for_request", "method"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_client_headers_for_request", "url"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_client_note_nonce", "url"): ("!result", "!result"),
    ("keyfob_client_note_nonce", "dpop_nonce"): ("!result", "!result"),
    ("keyfob_client_note_nonce", "www_authenticate"): ("!result", "!result"),
    ("keyfob_client_refused", "token"): ("OK", "OK"),
    ("keyfob_client_reach", "url"): ("OK", "INVALID_ARGUMENT"),
    ("keyfob_client_set", "option"): ("UNKNOWN_OPTION", "UNKNOWN_OPTION"),
    ("keyfob_client_set", "value"): ("INVALID_OPTION", "INVALID_OPTION"),
    ("keyfob_client_set_json", "json"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_client_login_begin_browser", "redirect_uri"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_client_login_finish", "answer"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_request_new", "method"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_request_new", "url"): ("INVALID_ARGUMENT", "OK"),
    ("keyfob_request_set_header", "name"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_request_set_header", "value"): ("OK", "INVALID_ARGUMENT"),
    ("keyfob_request_add_query", "name"): ("OK", "OK"),
    ("keyfob_request_add_query", "value"): ("OK", "OK"),
    ("keyfob_request_set_body_file", "path"): ("FILE", "FILE"),
    ("keyfob_request_add_part", "name"): ("OK", "OK"),
    ("keyfob_request_add_part", "file_name"): ("OK", "OK"),
    ("keyfob_request_add_part", "content_type"): ("OK", "OK"),
    ("keyfob_request_add_file", "name"): ("OK", "OK"),
    ("keyfob_request_add_file", "path"): ("FILE", "FILE"),
    ("keyfob_request_add_file", "file_name"): ("OK", "OK"),
    ("keyfob_request_add_file", "content_type"): ("OK", "OK"),
    ("keyfob_client_download", "path"): ("FILE", "FILE"),
    ("keyfob_client_download", "sha256"): ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ("keyfob_response_header", "name"): ("result == NULL", "result == NULL"),
    ("keyfob_response_link", "rel"): ("OK", "OK"),
}

# Numbers at the edges, and what they lead to.
ABSURD_TIMES = {"-1": "INVALID_ARGUMENT", "INT64_MIN": "INVALID_ARGUMENT", "INT64_MAX": "OK"}
ABSURD_LENGTHS = {
    "0": "OK",
    "SIZE_MAX": "INVALID_ARGUMENT",
    "SIZE_MAX - 1": "INVALID_ARGUMENT",
    "SIZE_MAX / 2 + 1": "INVALID_ARGUMENT",
}
NO_LEVELS = dict.fromkeys(["0", "-1", "5", "INT32_MAX", "INT32_MIN"], "INVALID_ARGUMENT")
NUMBERS = {
    ("keyfob_client_share", "timeout_ms"): ABSURD_TIMES,
    ("keyfob_client_wind_ms", "ms"): ABSURD_TIMES,
    ("keyfob_client_login_wait", "timeout_ms"): ABSURD_TIMES,
    ("keyfob_request_set_timeout_ms", "ms"): ABSURD_TIMES,
    ("keyfob_client_token_copy", "cap"): {"0": "BUFFER_TOO_SMALL", "SIZE_MAX": "OK"},
    ("keyfob_client_is_refusal", "http_status"): dict.fromkeys(["0", "UINT16_MAX"], "!result"),
    ("keyfob_client_note_nonce", "http_status"): dict.fromkeys(["0", "UINT16_MAX"], "!result"),
    ("keyfob_client_is_refusal", "len"): {
        "0": "result",
        "SIZE_MAX": "!result",
        "SIZE_MAX / 2 + 1": "!result",
    },
    ("keyfob_client_headers_for_request", "len"): ABSURD_LENGTHS,
    ("keyfob_request_set_body", "len"): ABSURD_LENGTHS,
    ("keyfob_request_set_body_reader", "length"): {
        "-1": "OK",
        "-2": "INVALID_ARGUMENT",
        "INT64_MIN": "INVALID_ARGUMENT",
        "INT64_MAX": "OK",
    },
    ("keyfob_response_read", "cap"): {"0": "OK", "SIZE_MAX": "INVALID_ARGUMENT"},
    ("keyfob_response_read_now", "cap"): {"0": "OK", "SIZE_MAX": "INVALID_ARGUMENT"},
    ("keyfob_record_set", "len"): ABSURD_LENGTHS,
    ("keyfob_request_add_part", "len"): ABSURD_LENGTHS,
    ("keyfob_response_header_at", "index"): {
        "SIZE_MAX": "result == NULL",
        "SIZE_MAX / 2": "result == NULL",
    },
    ("keyfob_config_set_log", "max_level"): NO_LEVELS,
    ("keyfob_config_keep_log", "max_level"): NO_LEVELS,
    ("keyfob_config_keep_log", "lines"): {"0": "OK", "SIZE_MAX": "OK"},
    ("keyfob_client_wait", "timeout_ms"): ABSURD_TIMES,
    ("keyfob_client_wait", "known"): {"UINT64_MAX": "OK"},
    ("keyfob_status_name", "status"): dict.fromkeys(
        ["-1", "9999", "INT32_MAX", "INT32_MIN"], 'strcmp(result, "UNKNOWN") == 0'
    ),
}


class Call:
    """A call of one function, with good arguments but for those that are replaced."""

    def __init__(self, header, function):
        self.header, self.function = header, function
        self.name = function.name
        self.returns_status = str(function.result) == "keyfob_status" and "err" in function.arguments
        self.is_free = self.name.endswith("_free")
        self.callbacks = {callback.name for callback in header.callbacks}

    def is_callback(self, name: str) -> bool:
        return self.function.arguments[name].base in self.callbacks

    def is_out(self, name: str) -> bool:
        """Something is written through this argument."""
        of = self.function.arguments[name]
        of_handle = of.base in self.header.handles
        # A buffer of bytes is the caller's to give, as one of characters is.
        is_text = of.base in ("char", "void", "uint8_t")
        return of.stars == 2 or of.stars == 1 and not (of.const or of_handle or is_text)

    def is_text(self, name: str) -> bool:
        of = self.function.arguments[name]
        return of.base == "char" and of.const and of.stars == 1

    def is_number(self, name: str) -> bool:
        of = self.function.arguments[name]
        return of.stars == 0 and of.base != "bool" and not self.is_callback(name)

    def can_be_null(self, name: str) -> bool:
        return self.function.arguments[name].stars > 0 or self.is_callback(name)

    def argument(self, name: str) -> str:
        if self.is_out(name):
            return f"&{name}"
        if self.is_free:
            return "freed"
        try:
            return GOOD_FOR.get((self.name, name)) or GOOD[name]
        except KeyError:
            sys.exit(f"misuse.py: what is a good value for {name} of {self.name}?")

    def outs(self, replaced):
        """Name and C type of what is written to, except where a replacement stands."""
        for name, of in self.function.arguments.items():
            if self.is_out(name) and name not in replaced:
                stars = "*" * (of.stars - 1)
                yield name, f"{'const ' if of.const else ''}{of.base} {stars}"

    def body(self, checks, replaced=None, before=(), stale=True):
        """One call, with some arguments replaced, and what must hold after it."""
        replaced = replaced or {}
        lines = ["{"]
        for name, of in self.outs(replaced):
            # Stale on purpose: what is not zeroed at entry shows.
            lines.append(f"    {of}{name} = {f'STALE({of.strip()})' if stale else '0'};")
        for name, of in self.function.arguments.items():
            if self.is_free and name not in replaced:
                lines.append(f"    {of.base} *freed = another_{of.base}();")
        lines += [f"    {line}" for line in before]
        words = ", ".join(replaced.get(a, self.argument(a)) for a in self.function.arguments)
        result = str(self.function.result)
        kept = "" if result == "void" else f"{result}{'' if result.endswith('*') else ' '}result = "
        lines.append(f"    {kept}{self.name}({words});")
        lines += [f"    {check}" for check in checks]
        lines.append("    CHECK_WORLD();")
        for name, of in self.outs(replaced):
            handle = of.removesuffix(" *")
            if of == "char *":
                lines.append(f"    keyfob_string_free({name});")
            elif handle in self.header.handles and name != "err":
                lines.append(f"    {handle}_free({name});")
        return lines + ["}"]

    def zeroed(self, replaced):
        for name, _ in self.outs(replaced):
            if name != "err":
                # No descriptor is -1: 0 is one.
                yield f"CHECK({name} == {-1 if name == 'fd' else 0});"

    def untouched(self):
        for name, _ in self.outs({}):
            if name != "err":
                yield f"CHECK({name} == 0);"

    def expect(self, expected: str, words: str = "", replaced=()):
        """What must hold of the result: a status and words of the message, or a condition."""
        if not self.returns_status:
            return [f"CHECK({expected});"]
        if expected == "OK":
            return [f"EXPECT_OK(result, {'NULL' if 'err' in replaced else 'err'});"]
        if "err" in replaced:
            return [f"CHECK(result == KEYFOB_{expected});"]
        # A buffer that is too small is told what is needed: `len` is the one out that says more.
        outs = [] if expected == "BUFFER_TOO_SMALL" else list(self.zeroed(replaced))
        return [f'EXPECT_FAILURE(result, KEYFOB_{expected}, err, "{words}");', *outs]

    def success(self, replaced=()):
        if self.returns_status:
            return self.expect("OK", replaced=replaced)
        if self.is_free:
            return []
        return self.expect(table_entry(SUCCESS, self.name, "a good call leads to"))


def table_entry(table, key, what):
    try:
        return table[key]
    except KeyError:
        sys.exit(f"misuse.py: a table lacks {key}: {what}")


def null(call: Call):
    for name in filter(call.can_be_null, call.function.arguments):
        replaced = {name: "NULL"}
        if name == "err" or (call.name, name) in OPTIONAL:
            checks = call.success(replaced)
        elif call.is_free:
            checks = []
        elif call.returns_status:
            words = name if call.is_callback(name) else f"{name} is NULL"
            checks = call.expect("NULL_ARGUMENT", words, replaced)
        else:
            checks = call.expect(table_entry(FALLBACK, call.name, f"NULL for {name} leads to"))
        yield call.body(checks, replaced)
        if call.returns_status and name not in ("err",) and (call.name, name) not in OPTIONAL:
            both = {name: "NULL", "err": "NULL"}
            yield call.body(call.expect("NULL_ARGUMENT", "", both), both)


def strings(call: Call):
    for name in filter(call.is_text, call.function.arguments):
        if call.name.startswith("keyfob_error_"):
            continue
        empty, huge = table_entry(STRINGS, (call.name, name), "(empty, a megabyte)")
        invalid = "INVALID_UTF8" if call.returns_status else FALLBACK[call.name]
        for value, expected, words in [
            ('"\\xff"', invalid, f"{name} is not UTF-8"),
            ('"ends within \\xe2\\x82"', invalid, f"{name} is not UTF-8"),
            ('""', empty, ""),
            ("world.megabyte", huge, ""),
        ]:
            yield call.body(call.expect(expected, words), {name: value})


def numbers(call: Call):
    for name in filter(call.is_number, call.function.arguments):
        for value, expected in table_entry(NUMBERS, (call.name, name), "value to outcome").items():
            yield call.body(call.expect(expected), {name: value})


def panic(call: Call):
    slow = PAST_THE_HOT_PATH.get(call.name, {})
    if call.name in CANNOT_PANIC:
        checks = call.success()
        before = ()
    elif call.returns_status:
        # The panic comes at the very entry, before out-arguments are zeroed.
        checks = ['EXPECT_FAILURE(result, KEYFOB_PANIC, err, "");', *call.untouched()]
        before = ["keyfob_test_arm_panic();"]
    elif call.is_free:
        # Nothing was freed by the call that panicked; this one does it.
        checks = [f"{call.name}(freed);"]
        before = ["keyfob_test_arm_panic();"]
    else:
        checks = call.expect(FALLBACK[call.name])
        before = ["keyfob_test_arm_panic();"]
    yield call.body(checks, slow, before, stale=False)
    if call.returns_status:
        before = ["keyfob_test_arm_panic();"]
        yield call.body(["CHECK(result == KEYFOB_PANIC);"], slow | {"err": "NULL"}, before, stale=False)
    yield call.body(call.success())


KINDS = {"null": null, "strings": strings, "numbers": numbers, "panic": panic}
PROMISES = {
    "null": "survives_NULL",
    "strings": "survives_hostile_strings",
    "numbers": "survives_absurd_numbers",
    "panic": "contains_a_panic",
}


def where_to_run(test: str) -> str:
    """A record is there only while a store loads."""
    return "RUN_WITHIN_A_LOAD" if test.startswith("keyfob_record_") else "RUN"


def program(header, kind: str) -> str:
    parts = ["/* Written by tests/suites/c/misuse.py from include/keyfob.h. */", '#include "misuse.h"', ""]
    tests = []
    for function in header.functions:
        bodies = list(KINDS[kind](Call(header, function)))
        if not bodies:
            continue
        tests.append(f"{function.name}_{PROMISES[kind]}")
        parts.append(f"static void {tests[-1]}(void) {{")
        parts += [f"    {line}" for body in bodies for line in body]
        parts += ["}", ""]
    parts += ["int main(void) {", "    begin_world();"]
    parts += [f"    {where_to_run(test)}({test});" for test in tests]
    parts += ["    end_world();", "    return failed_tests != 0;", "}"]
    return "\n".join(parts)


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    print(program(keyfob_header.parse(), sys.argv[1]))


main()
