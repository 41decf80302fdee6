/**
 * The small shell that keeps one node running on its machine. It outlives whoever started it.
 *
 *           exit 1, 4 or another signal, 3 (servers out of reach)
 *   running ───────────────────────────────────────────────▶ waiting ──▶ running
 *      │ exit 0 or 2, SIGTERM, or the supervisor was to end     │ too many crashes in a row
 *      ▼                                                        ▼
 *    exited                                                 crash-loop
 *
 * N1  one supervisor a folder: the file `supervisor` is made by a hard link, which is exclusive,
 *     and names a process by pid and start, so that a dead one's file stands in nobody's way.
 * N2  SIGTERM goes to the node, which hands its actors over; then the supervisor ends.
 * N3  an outage of the servers is no crash: the node is started again for as long as it takes.
 * N4  an end that somebody brought about on purpose, and said so in the file `again` beforehand, is
 *     no crash either: whatever its code, the node is started again after the pause written there.
 * N5  a node that is told by SIGTERM to end before it can hear it has ended in order: started again
 *     it would only be told again.
 * N6  how the node is that could not be written (the disk is full) is written as soon as it can be: an older word
 *     would name a process that is gone for as long as this one runs.
 */

/** Functions that all scripts share: which process a pid means, and who still runs. */
export const identityFunctions = `
identity() {
  if [ -r /proc/self/stat ]; then
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    fields=\${stat##*") "}
    case "$fields" in Z*|X*) return 0 ;; esac
    set -- $fields
    shift 19
    echo "$(cat /proc/sys/kernel/random/boot_id):$1"
  else
    ps -o lstart= -p "$1" 2>/dev/null
  fi
}
runs() { [ -n "$1" ] && [ -n "$2" ] && [ "$(identity "$1")" = "$2" ]; }
recorded() {
  pid= known=
  [ -f "$1" ] && read -r pid known < "$1"
  runs "$pid" "$known"
}
`;

/** Arguments: folder, node program, main module, pause, pause at most, steady (ms), crashes. */
export const supervisorScript = `#!/bin/sh
folder=$1 node=$2 main=$3 pause_first=$4 pause_most=$5 steady=$6 crashes_most=$7
umask 077
cd "$folder" || exit 1
${identityFunctions}
mine="supervisor.$$"
echo "$$ $(identity $$)" | cat > "$mine" || { rm -f "$mine"; exit 1; }
if ! ln "$mine" supervisor 2>/dev/null; then
  if recorded supervisor; then rm -f "$mine"; exit 0; fi
  rm -f supervisor
  ln "$mine" supervisor 2>/dev/null || { rm -f "$mine"; exit 0; }
fi
rm -f "$mine"

stopping= child= signalled= restarts=0 crashes=0 pause=$pause_first
trap "" HUP
trap "stopping=1 signalled=1; [ -z \\"\\$child\\" ] || kill -TERM \\$child 2>/dev/null" TERM INT
telling=
write() { { echo "$*" > state.new && mv -f state.new state; } 2>/dev/null; }
say() {
  if [ -n "$telling" ]; then kill $telling 2>/dev/null; wait $telling; telling=; fi
  write "$@" && return
  {
    tries=0
    until write "$@" || [ $tries = 3600 ]; do
      tries=$((tries + 1))
      sleep 1
    done
  } &
  telling=$!
}
rest() {
  sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" &
  nap=$!
  wait $nap
  kill $nap 2>/dev/null
}
. ./environment

while :; do
  began=$(date +%s)
  "$node" "$main" --config "$folder/config.json" < /dev/null > ready 2>> node.log &
  child=$!
  say "running $restarts $began $child $(identity $child)"
  [ -z "$stopping" ] || kill -TERM $child 2>/dev/null
  signalled=1
  while [ -n "$signalled" ]; do
    signalled=
    wait $child
    code=$?
  done
  child=
  ended=$(date +%s)
  again=
  if [ -f again ]; then read -r again < again; rm -f again; fi
  if [ -n "$again" ] && [ -z "$stopping" ]; then
    restarts=$((restarts + 1))
    say "waiting $restarts $ended $code"
    rest "$again"
    [ -z "$stopping" ] && continue
  fi
  if [ -n "$stopping" ] || [ $code = 0 ] || [ $code = 2 ] || [ $code = 143 ]; then
    say "exited $restarts $ended $code"
    break
  fi
  if [ $(((ended - began) * 1000)) -ge "$steady" ]; then crashes=0 pause=$pause_first; fi
  [ $code = 3 ] || crashes=$((crashes + 1))
  if [ $crashes -gt "$crashes_most" ]; then
    say "crash-loop $restarts $ended $code"
    break
  fi
  restarts=$((restarts + 1))
  say "waiting $restarts $ended $code"
  rest $pause
  pause=$((pause * 2))
  [ $pause -le "$pause_most" ] || pause=$pause_most
  if [ -n "$stopping" ]; then
    say "exited $restarts $ended $code"
    break
  fi
  if [ "$(wc -c < node.log)" -gt 16777216 ]; then mv -f node.log node.log.1; fi
done
rm -f supervisor
`;
