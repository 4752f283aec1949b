# shellcheck shell=bash
# Runs tests a few at a time, each with a log and a time limit, and counts. Sourced by tests/run.
#
#   suite_start LOGDIR JOBS           before anything else
#   suite_add NAME SECONDS CMD…       starts CMD as soon as a place is free; exit 0 passes, 77
#                                     skips (its last line says why), anything else fails
#   suite_drain                       waits until all that were added have ended
#   suite_passed NAME                 0 when NAME has ended well
#   suite_finish                      prints the sum, returns 0 when nothing failed

suite_logs=
suite_jobs=1
suite_filter=
suite_list=no         # yes: only print names
suite_must_run=no     # yes: a skip is a failure
suite_passed_count=0
suite_failed=()
suite_skipped_count=0
declare -A suite_running=()  # pid → name
declare -A suite_began=()    # name → microseconds
declare -A suite_result=()   # name → passed, failed, skipped

suite_start() {
  suite_logs=$1
  suite_jobs=$2
  mkdir -p "$suite_logs"
}

_suite_now() { echo "${EPOCHREALTIME/[.,]/}"; }

_suite_log() { echo "$suite_logs/${1//\//.}.log"; }

suite_passed() { [[ ${suite_result[$1]:-} == passed ]]; }

_suite_report() {
  local name=$1 status=$2 log tenths reason
  log=$(_suite_log "$name")
  tenths=$((($(_suite_now) - suite_began[$name]) / 100000))
  if [[ $status -eq 77 && $suite_must_run == yes ]]; then
    echo "a skip is a failure here (GBOX_TESTS_MUST_RUN=1)" >>"$log"
  fi
  case $status in
    0)
      suite_result[$name]=passed
      suite_passed_count=$((suite_passed_count + 1))
      printf 'ok    %5d.%d s  %s\n' $((tenths / 10)) $((tenths % 10)) "$name"
      return
      ;;
    77)
      if [[ $suite_must_run != yes ]]; then
        suite_result[$name]=skipped
        suite_skipped_count=$((suite_skipped_count + 1))
        reason=$(tail -n 1 "$log")
        printf 'skip  %5d.%d s  %s: %s\n' $((tenths / 10)) $((tenths % 10)) "$name" "$reason"
        return
      fi
      ;;
    124 | 137) echo "took longer than it may" >>"$log" ;;
  esac
  suite_result[$name]=failed
  suite_failed+=("$name")
  printf 'FAIL  %5d.%d s  %s\n' $((tenths / 10)) $((tenths % 10)) "$name"
  tail -n 60 "$log" | sed 's/^/      | /'
}

_suite_reap() {
  local pid status=0
  wait -n -p pid "${!suite_running[@]}" || status=$?
  _suite_report "${suite_running[$pid]}" "$status"
  unset "suite_running[$pid]"
}

suite_drain() {
  while [[ ${#suite_running[@]} -gt 0 ]]; do _suite_reap; done
}

# Not run at all, because what it builds upon is missing: counts like a test that exited 77.
suite_skip() {
  local name=$1 reason=$2
  suite_add "$name" 10 sh -c 'echo "$1"; exit 77' skip "$reason"
}

suite_add() {
  local name=$1 limit=$2
  shift 2
  [[ -z $suite_filter || $name =~ $suite_filter ]] || return 0
  if [[ $suite_list == yes ]]; then
    echo "$name"
    return 0
  fi
  while [[ ${#suite_running[@]} -ge $suite_jobs ]]; do _suite_reap; done
  suite_began[$name]=$(_suite_now)
  # No terminal to ask on, and a second's grace before a test that hangs is killed: scripts clean
  # up on SIGTERM.
  (
    # Whatever a test leaves behind keeps no later run waiting.
    [[ -z ${suite_lock:-} ]] || exec {suite_lock}>&-
    exec timeout --kill-after=15 "$limit" "$@"
  ) >"$(_suite_log "$name")" 2>&1 </dev/null &
  suite_running[$!]=$name
}

# Ends what is running; for a trap.
suite_stop() {
  local pid
  for pid in "${!suite_running[@]}"; do kill -TERM "$pid" 2>/dev/null; done
  wait
}

suite_finish() {
  local line="$suite_passed_count passed, ${#suite_failed[@]} failed"
  [[ $suite_skipped_count -eq 0 ]] || line+=", $suite_skipped_count skipped"
  if [[ ${#suite_failed[@]} -gt 0 ]]; then
    printf '\nfailed: %s\nlogs: %s\n' "${suite_failed[*]}" "$suite_logs"
  fi
  echo "$line"
  [[ ${#suite_failed[@]} -eq 0 ]]
}
