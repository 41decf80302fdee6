/**
 * What is asked of a machine about one node, as scripts for its shell. A root folder holds
 * `nodes/NAME` for each node and, where builds are copied, `builds/HASH`.
 *
 * T1  a pid is signalled only while it is the process that was recorded.
 * T2  a node's folder goes last, when nothing of it runs any more.
 * T3  whoever starts or ends a node holds its lock while it does.
 * T4  a build goes when no node of the root refers to it; a node refers to its build before it
 *     looks whether it is there. A removal drops all such: also what an earlier one did not get to.
 * T5  a step of a create goes on only where the step before it left the node's folder: one that was
 *     removed meanwhile is not made anew.
 */
import { identityFunctions, supervisorScript } from './supervisor.ts';

const start = `
umask 077
LC_ALL=C
export LC_ALL
root=$1 name=$2
case "$root" in /*) ;; *) root=$HOME/$root ;; esac
folder=$root/nodes/$name
${identityFunctions}
node_runs() {
  kind= restarts= since= code= known=
  [ -f "$folder/state" ] && read -r kind restarts since code known < "$folder/state"
  [ "$kind" = running ] && runs "$code" "$known"
}
is_ready() { node_runs && grep -q ready "$folder/ready" 2>/dev/null; }
lock=$root/nodes/.$name.lock locked=
lock() {
  cleanup="unlock; $cleanup"
  tries=0
  # Whoever unlocks takes an empty folder away, perhaps just before our file is written there.
  until said=$({ mkdir -p "$root/nodes" && echo "$$ $(identity $$)" | cat > "$lock.$$"; } 2>&1); do
    tries=$((tries + 1))
    [ $tries -lt 10 ] || { echo "$said" >&2; exit 1; }
  done
  until=$(($(date +%s) + 10))
  until ln "$lock.$$" "$lock" 2>/dev/null; do
    if recorded "$lock"; then
      [ "$(date +%s)" -lt $until ] ||
        fail HOST_BUSY "a process there (pid $pid) starts or ends node $name"
      sleep 0.05
    else
      rm -f "$lock"
      [ "$(date +%s)" -lt $until ] || fail HOST_UNSUITABLE "no lock can be made in $root/nodes"
    fi
  done
  locked=yes
  rm -f "$lock.$$"
}
unlock() {
  rm -f "$lock.$$"
  [ -z "$locked" ] || rm -f "$lock"
  locked=
  rmdir "$root/nodes" 2>/dev/null
  rmdir "$root" 2>/dev/null
}
still_wanted() {
  [ "$(cat "$folder/build" 2>/dev/null)" = "$1" ] ||
    fail HOST_LOST "node $name was removed while it was made"
}
end_node() {
  if node_runs; then kill -TERM "$code" 2>/dev/null; fi
  until=$(($(date +%s) + $1))
  while node_runs && [ "$(date +%s)" -lt $until ]; do sleep 0.1; done
  if node_runs; then kill -KILL "$code" 2>/dev/null; fi
}
report() {
  supervised=no alive=no ready=
  recorded "$folder/supervisor" && supervised=yes
  node_runs && alive=yes
  [ -f "$folder/ready" ] && read -r ready < "$folder/ready"
  tell
}
tell() {
  echo "node $supervised $alive \${kind:-none} \${restarts:-0} \${since:-0} \${code:-0}"
  echo "\${ready:-none}"
}
drop_build() {
  [ -n "$1" ] && [ -d "$root/builds/$1" ] || return 0
  grep -qx "$1" "$root"/nodes/*/build 2>/dev/null && return 0
  gone=$root/builds/.gone.$$
  mv "$root/builds/$1" "$gone"
  if grep -qx "$1" "$root"/nodes/*/build 2>/dev/null; then mv "$gone" "$root/builds/$1"; fi
  rm -rf "$gone"
}
`;

/**
 * Starts the node unless it runs, and waits until it is welcomed. Arguments: root, name, program,
 * main module, build hash (`-` for none), bytes of the environment and of the configuration, seconds
 * until it is welcomed, then those of the supervisor. Standard input: the environment as a script,
 * then the configuration. Answers `already`, `ready` or `ended`, then
 * the report, then the last lines of its log where it ended.
 */
export const startScript = `${start}
program=$3 main=$4 build=$5 environment_bytes=$6 config_bytes=$7 ready_seconds=$8
shift 8
lock
[ "$build" = - ] || still_wanted "$build"
begin
mkdir -p "$folder" || exit 1
cd "$folder" || exit 1
answer=ready
if recorded supervisor; then
  answer=already
else
  end_node 10
  rm -f ready state || exit 1
  said=$(dd bs=1 count="$environment_bytes" of=environment 2>&1) || { echo "$said" >&2; exit 1; }
  cat > config.json || exit 1
  [ $(($(wc -c < config.json))) = "$config_bytes" ] ||
    fail HOST_LOST "the configuration of node $name did not arrive whole"
  cat > supervisor.sh <<"END_OF_SUPERVISOR" || exit 1
${supervisorScript}END_OF_SUPERVISOR
  # A supervisor without room for its files could not say what becomes of the node.
  said=$(dd if=/dev/zero of=room bs=1024 count=64 2>&1) || { echo "$said" >&2; exit 1; }
  rm -f room
  : >> node.log
  detach=nohup
  command -v setsid > /dev/null 2>&1 && detach=setsid
  $detach sh supervisor.sh "$folder" "$program" "$main" "$@" < /dev/null > /dev/null 2>> node.log &
  supervisor=$!
  while kill -0 $supervisor 2>/dev/null && ! recorded supervisor; do sleep 0.02; done
fi
unlock
until=$(($(date +%s) + ready_seconds))
fell=
while ! is_ready; do
  case "$kind" in
    # What was read here is told: by the time of another look it may have been started again.
    waiting) fell=yes supervised=yes alive=no ready=; break ;;
    exited|crash-loop) recorded supervisor || break ;;
  esac
  [ $answer = already ] || kill -0 $supervisor 2>/dev/null || break
  [ "$(date +%s)" -lt $until ] || break
  sleep 0.05
done
if [ -n "$fell" ]; then
  [ $answer = already ] || answer=ended
  echo $answer
  tell
else
  if [ $answer = ready ] && ! is_ready; then answer=ended; fi
  echo $answer
  report
fi
[ $answer != ended ] || tail -n 12 node.log
`;

/** Answers `absent`, or the report. */
export const describeScript = `${start}
begin
[ -d "$folder" ] || { echo absent; exit 0; }
report
`;

/** Arguments: root, name, seconds for the drain. Answers `absent` or `destroyed`. */
export const destroyScript = `${start}
answer=absent found=
# A3: who holds the lock may be about to make the folder.
if [ -d "$folder" ] || recorded "$lock"; then
  lock
  [ -d "$folder" ] && found=yes
fi
begin
if [ -n "$found" ]; then
  answer=destroyed
  if recorded "$folder/supervisor"; then
    kill -TERM "$pid" 2>/dev/null
    until=$(($(date +%s) + $3))
    while recorded "$folder/supervisor" && [ "$(date +%s)" -lt $until ]; do sleep 0.1; done
    if recorded "$folder/supervisor"; then
      kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null
    fi
    end_node 0
  else
    end_node "$3"
  fi
  while node_runs; do sleep 0.1; done
  said=$(rm -rf "$folder" 2>&1 | tail -n 1)
  [ ! -d "$folder" ] ||
    fail HOST_UNSUITABLE "node $name has ended, but $folder cannot be removed whole ($said): the next removal goes on there"
fi
# T4
for one in "$root"/builds/*/; do
  one=\${one%/}
  drop_build "\${one##*/}"
done
# What an upload left that was killed; another one has a folder of its node.
set -- "$root"/nodes/*/
[ -d "$1" ] || rm -rf "$root"/builds/.part.*
if rmdir "$root/builds" 2>/dev/null; then unlock; fi
echo $answer
`;

/** Arguments: root, name, lines. */
export const logsScript = `${start}
begin
[ -d "$folder" ] || exit 0
cat "$folder/node.log.1" "$folder/node.log" 2>/dev/null | tail -n "$3"
`;

/** Arguments: root, name. Answers the name of each node. */
export const listScript = `${start}
begin
for one in "$root"/nodes/*/; do
  [ -d "$one" ] || continue
  one=\${one%/}
  echo "\${one##*/}"
done
`;

/**
 * Arguments: root, name, node program, build hash. Answers root and program as absolute paths, then
 * `runs` where the node runs already, else whether the build is `present` or `missing`.
 */
export const surveyScript = `${start}
program=$(command -v "$3" 2>/dev/null) ||
  fail HOST_UNSUITABLE "there is no Node.js there (looked for $3); 20.19 or newer is needed"
within() {
  until=$(($(date +%s) + $1))
  shift
  "$@" < /dev/null &
  running=$!
  while kill -0 $running 2>/dev/null; do
    [ "$(date +%s)" -lt $until ] || { kill -KILL $running 2>/dev/null; return 124; }
    sleep 0.05
  done
  wait $running
}
version=$(within 10 "$program" --version 2>/dev/null)
case $? in
  0) ;;
  124) fail HOST_UNSUITABLE "$program does not answer --version within 10 s" ;;
  *) fail HOST_UNSUITABLE "$program does not run" ;;
esac
"$program" -e "
  const [major, minor] = process.versions.node.split(\\".\\").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1);
" || fail HOST_UNSUITABLE "Node.js there is $version ($program); 20.19 or newer is needed"
for tool in tar gzip; do
  command -v $tool > /dev/null 2>&1 || fail HOST_UNSUITABLE "there is no program $tool there"
done
echo "$root"
echo "$program"
lock
if recorded "$folder/supervisor"; then
  begin
  echo runs
  exit 0
fi
begin
mkdir -p "$folder" || exit 1
old=$(cat "$folder/build" 2>/dev/null)
echo "$4" | cat > "$folder/build" || exit 1
[ "$old" = "$4" ] || drop_build "$old"
if [ -d "$root/builds/$4" ]; then echo present; else echo missing; fi
`;

/**
 * Arguments: root, name, node program, build hash, checksum. Standard input: the archive. Answers
 * nothing.
 */
export const unpackScript = `${start}
part=$root/builds/.part.$$
drop_part() {
  rm -rf "$part" "$part.tgz"
  rmdir "$root/builds" "$root/nodes" "$root" 2>/dev/null
}
cleanup=drop_part
still_wanted "$4"
begin
mkdir -p "$root/builds" || exit 1
cat > "$part.tgz" || exit 1
sum=$("$3" -e "
  const hash = require(\\"crypto\\").createHash(\\"sha256\\");
  process.stdin.on(\\"data\\", (bytes) => hash.update(bytes));
  process.stdin.on(\\"end\\", () => console.log(hash.digest(\\"hex\\")));
" < "$part.tgz")
[ "$sum" = "$5" ] || fail HOST_LOST "the build did not arrive whole"
mkdir "$part" && tar -xzf "$part.tgz" -C "$part" || { still_wanted "$4"; exit 1; }
lock
still_wanted "$4"
if [ ! -d "$root/builds/$4" ]; then mv "$part" "$root/builds/$4" || exit 1; fi
rm -rf "$root/builds/$4/.part.$$"
`;
