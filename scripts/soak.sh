#!/usr/bin/env bash
# The fault tests for long, in parts of at most an hour, each with a seed that is printed.
#
#   scripts/soak.sh              all parts, one after the other
#   scripts/soak.sh kill held    some
#   SEED=42 scripts/soak.sh kill the same choices again
#   scripts/soak.sh --list
set -euo pipefail
cd "$(dirname "$0")/.."

GO=${GO:-go}
parts=(kill postgres held model canary saboteurs fuzz others store time)

about() {
	case $1 in
	kill) echo "L-1: a service is killed 200 times while it logs, and 30 times while it ships" ;;
	postgres) echo "S-1: PostgreSQL is killed 20 times while blocks are written and joined" ;;
	held) echo "S-5: a transaction is held for ten minutes, while the log is written, and again while an outbox is relayed" ;;
	model) echo "L-8: the spool against its model, 10 000 times, and stopped at every system call; L-2: 1000 power cuts; L-10: 100 cut connections" ;;
	canary) echo "L-14: ten minutes of canaries, while PostgreSQL and both replicas of view-service are killed" ;;
	saboteurs) echo "H-5: each promise is broken, and its test has to notice" ;;
	fuzz) echo "what reads other people's bytes, five minutes each: frames, lines, OTLP, queries" ;;
	others) echo "every other test of the mesh, with its repetitions for the soak" ;;
	store) echo "a log of 100 million records over seven days: its size, WAL and CPU, and what questions of an hour take against 5 million" ;;
	time) echo "C-1: three schedulers for ten minutes, while leaders are killed and stopped, and RabbitMQ and PostgreSQL are killed; C-4: a thousand schedules of a second for ten minutes" ;;
	*) return 1 ;;
	esac
}

fuzz() {
	local target bad=0
	for target in ./sidecar/spool:FuzzNext ./sidecar/ship:FuzzParser ./sidecar/ship:FuzzQuick ./maintenance/internal/ingest:FuzzExport ./maintenance/internal/ingest:FuzzWire \
		./maintenance/internal/ingest:FuzzJSON ./maintenance/internal/query:FuzzParse ./internal/foreign:FuzzStream; do
		echo "soak: ${target#*:} of ${target%:*}" >&2
		"$GO" test -run '^$' -fuzz "^${target#*:}\$" -fuzztime "${FUZZ_TIME:-5m}" -fuzzminimizetime 20x -parallel 2 "${target%:*}" || bad=1
	done
	return "$bad"
}

# The tests that are parts of their own, for the part of all others to leave out.
own='^(TestH5_|TestL1_|TestS1_|TestS5_|TestL8_|TestL2_|TestL10_|TestL14_|TestC1_NothingMissing)'

run() {
	case $1 in
	kill) "$GO" test -v -count=1 -timeout 60m -run '^TestL1_' ./sidecar/spool ./sidecar/logging ;;
	postgres) "$GO" test -v -count=1 -timeout 60m -run '^TestS1_' ./maintenance/internal/postgres ;;
	held) "$GO" test -v -count=1 -p 1 -timeout 60m -run '^TestS5_' ./maintenance ./sidecar/outbox ;;
	model) "$GO" test -v -count=1 -timeout 60m -run '^(TestL8_|TestL2_|TestL10_)' ./sidecar/spool ./sidecar/ship ;;
	canary) "$GO" test -v -count=1 -timeout 60m -run '^TestL14_' ./internal/e2e ;;
	saboteurs) "$GO" test -v -count=1 -timeout 60m -run '^TestH5_' ./internal/saboteurs ;;
	fuzz) fuzz ;;
	others) "$GO" test -count=1 -timeout 60m -skip "$own" ${PKGS:-./...} ;;
	time)
		"$GO" test -v -count=1 -timeout 60m -run '^TestC1_' ./services/scheduler &&
		"$GO" test -v -count=1 -timeout 60m -run '^$' -bench '^BenchmarkSecondly$' -benchtime 1x ./services/scheduler
		;;
	store)
		SIGNALBOX_BENCH_RECORDS=${SIGNALBOX_BENCH_RECORDS:-100000000} \
			"$GO" test -v -count=1 -timeout 60m -run '^$' -bench '^BenchmarkWeek$' ./maintenance/internal/postgres
		;;
	esac
}

if [[ ${1:-} == --list ]]; then
	for part in "${parts[@]}"; do printf '%-10s%s\n' "$part" "$(about "$part")"; done
	exit
fi
for part in "$@"; do
	about "$part" >/dev/null || { echo "soak: there is no part $part: ${parts[*]}" >&2; exit 2; }
done
export SIGNALBOX_SOAK=1
given=${SEED:-}
failed=()
(($#)) || set -- "${parts[@]}"
for part in "$@"; do
	export SEED=${given:-$((RANDOM << 30 | RANDOM << 15 | RANDOM))}
	echo "soak: $part (SEED=$SEED): $(about "$part")" >&2
	run "$part" || failed+=("$part (SEED=$SEED)")
done
if ((${#failed[@]})); then
	printf 'soak: failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
