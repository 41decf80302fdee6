/**
 * What is asked of a machine about one node, as scripts for its shell. A root folder holds
 * `nodes/NAME` for each node and, where builds are copied, `builds/HASH`.
 *
 * T1  a pid is signalled only while it is the process that was recorded.
 * T2  a node's folder goes last, when nothing of it runs any more.
 * T3  whoever starts or ends a node holds its lock while it does.
 * T4  a build goes when no node of the root refers to it; a node refers to its build before it
 *     looks whether it is there.
 */
import { identityFunctions, supervisorScript } from './supervisor.ts';

const start = `
umask 077
LC_ALL=C
export LC_ALL
fail() { echo "failed $1 $2"; exit 9; }
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
lock() {
  mkdir -p "$root/nodes" || exit 1
  lock=$root/nodes/.$name.lock
  echo "$$ $(identity $$)" > "$lock.$$"
  until ln "$lock.$$" "$lock" 2>/dev/null; do
    recorded "$lock" || rm -f "$lock"
    sleep 0.05
  done
  rm -f "$lock.$$"
  trap unlock EXIT
  trap "exit 1" HUP INT TERM PIPE
}
unlock() {
  rm -f "$lock"
  rmdir "$root/nodes" 2>/dev/null
  rmdir "$root" 2>/dev/null
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
 * Starts the node unless it runs, and waits until it is welcomed. Standard input: the environment
 * as a script of so many bytes, then the configuration. Answers `already`, `ready` or `ended`, then
 * the report, then the last lines of its log where it ended.
 */
export const startScript = `${start}
program=$3 main=$4 environment_bytes=$5 ready_seconds=$6
shift 6
lock
mkdir -p "$folder" || exit 1
cd "$folder" || exit 1
answer=ready
if recorded supervisor; then
  answer=already
else
  end_node 10
  rm -f ready state || exit 1
  dd bs=1 count="$environment_bytes" of=environment 2>dd.said || { cat dd.said >&2; exit 1; }
  rm -f dd.said
  cat > config.json || exit 1
  cat > supervisor.sh <<"END_OF_SUPERVISOR" || exit 1
${supervisorScript}END_OF_SUPERVISOR
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
[ -d "$folder" ] || { echo absent; exit 0; }
report
`;

/** Arguments: root, name, seconds for the drain. Answers `absent` or `destroyed`. */
export const destroyScript = `${start}
answer=absent
if [ -d "$folder" ]; then
  lock
fi
if [ -d "$folder" ]; then
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
  build=$(cat "$folder/build" 2>/dev/null)
  rm -rf "$folder" || exit 1
  drop_build "$build"
  # What an upload left that was killed; another one has a folder of its node.
  set -- "$root"/nodes/*/
  [ -d "$1" ] || rm -rf "$root"/builds/.part.*
  rmdir "$root/builds" 2>/dev/null
fi
echo $answer
`;

/** Arguments: root, name, lines. */
export const logsScript = `${start}
[ -d "$folder" ] || exit 0
cat "$folder/node.log.1" "$folder/node.log" 2>/dev/null | tail -n "$3"
`;

/** Arguments: root, name. Answers the name of each node. */
export const listScript = `${start}
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
version=$("$program" --version 2>/dev/null) || fail HOST_UNSUITABLE "$program does not run"
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
  echo runs
  exit 0
fi
mkdir -p "$folder" || exit 1
old=$(cat "$folder/build" 2>/dev/null)
echo "$4" | cat > "$folder/build" || exit 1
[ "$old" = "$4" ] || drop_build "$old"
if [ -d "$root/builds/$4" ]; then echo present; else echo missing; fi
`;

/** Arguments: root, name, node program, build hash, checksum. Standard input: the archive. */
export const unpackScript = `${start}
part=$root/builds/.part.$$
mkdir -p "$root/builds" || exit 1
trap "rm -rf \\"$part\\" \\"$part.tgz\\"" EXIT
trap "exit 1" HUP INT TERM PIPE
cat > "$part.tgz" || exit 1
sum=$("$3" -e "
  const hash = require(\\"crypto\\").createHash(\\"sha256\\");
  process.stdin.on(\\"data\\", (bytes) => hash.update(bytes));
  process.stdin.on(\\"end\\", () => console.log(hash.digest(\\"hex\\")));
" < "$part.tgz")
[ "$sum" = "$5" ] || fail HOST_LOST "the build did not arrive whole"
mkdir "$part" && tar -xzf "$part.tgz" -C "$part" || exit 1
if [ ! -d "$root/builds/$4" ]; then mv "$part" "$root/builds/$4" || exit 1; fi
rm -rf "$root/builds/$4/.part.$$"
`;
