/**
 * One signal to a node, or to a runner of it, on its machine: what puts a cluster under faults.
 *
 * G1  only the very process that was recorded is signalled, and a frozen one thawed.
 * G2  what is frozen is thawed after a bound by a shell of its own there, whatever becomes of us.
 */
import { identityFunctions } from './supervisor.ts';

/**
 * Arguments: root, name, `node` or `runner` (ended by KILL), signal, which runner, milliseconds until the thaw and
 * until it is started again, `-` for never. Answers `signalled PID`, or `absent`.
 */
export const signalScript = `
LC_ALL=C
export LC_ALL
root=$1 name=$2
case "$root" in /*) ;; *) root=$HOME/$root ;; esac
folder=$root/nodes/$name
${identityFunctions}
begin
kind=
[ -f "$folder/state" ] && read -r kind restarts since pid known < "$folder/state"
if [ "$kind" != running ] || ! runs "$pid" "$known"; then echo absent; exit 0; fi
if [ "$3" = runner ]; then
  if [ -r /proc/self/stat ]; then
    table=$(cat /proc/[0-9]*/stat 2>/dev/null | sed "s/(.*) [A-Za-z]//")
  else
    table=$(ps -A -o pid= -o ppid=)
  fi
  runners=$(echo "$table" | awk -v parent="$pid" "\\$2 == parent { print \\$1 }")
  set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" $runners
  count=$(($# - 7))
  if [ $count = 0 ]; then echo absent; exit 0; fi
  shift "$((7 + $5 % count))"
  pid=$1
  kill -KILL "$pid" 2>/dev/null || { echo absent; exit 0; }
  echo "signalled $pid"
  exit 0
fi
[ "$7" = - ] || echo "$7" > "$folder/again" || exit 1
if [ "$6" != - ]; then
  # Before the signal; it lives on when this shell, or the connection, does not.
  (
    trap "" HUP
    sleep "$(($6 / 1000)).$(printf %03d $(($6 % 1000)))"
    runs "$pid" "$known" && kill -CONT "$pid"
  ) < /dev/null > /dev/null 2>&1 &
fi
kill -"$4" "$pid" 2>/dev/null || { echo absent; exit 0; }
echo "signalled $pid"
`;
