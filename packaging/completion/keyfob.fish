# Completion of keyfob for fish.
set -l commands token header headers-for expires get post put patch delete head download upload curl status renew refused forget check providers options
complete -c keyfob -f
complete -c keyfob -n "not __fish_seen_subcommand_from $commands" -a "$commands"
complete -c keyfob -n "__fish_seen_subcommand_from $commands" -a "(keyfob providers 2>/dev/null | awk '/^[a-z0-9]/ { print \$1 }')"
complete -c keyfob -l config -r -F -d "a JSON object of options"
complete -c keyfob -l env -x -d "prefix of environment variables"
complete -c keyfob -l set -x -d "one option: OPTION=VALUE"
complete -c keyfob -l store -r -F -d "where tokens are kept"
complete -c keyfob -l timeout -x -d "the longest that a call takes, in seconds"
complete -c keyfob -l json -d "tokens, lists and errors as JSON"
complete -c keyfob -s v -l verbose -d "say what happens"
complete -c keyfob -l quiet -d "say nothing on standard error"
complete -c keyfob -s H -l header -x -d "a header"
complete -c keyfob -s q -l query -x -d "a query parameter"
complete -c keyfob -s d -l data -x -d "the body"
complete -c keyfob -s o -l output -r -F -d "where the body goes"
complete -c keyfob -s i -l include -d "print the head of the answer"
complete -c keyfob -l send -d "check: log in once"
