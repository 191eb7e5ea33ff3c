# Completion of keyfob for bash.
_keyfob() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local commands="token header headers-for expires get post put patch delete head download upload curl login status renew refused forget check providers options"
    local options="--config --env --set --store --timeout --json --verbose --quiet --help --version --header --query --data --output --include --sha256 --send --browser --redirect"
    case $before in
    --config | --output | -o) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --store) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(keyfob providers 2>/dev/null | awk '/^[a-z0-9]/ { print $1 }')" -- "$word")
    fi
}
complete -F _keyfob keyfob
