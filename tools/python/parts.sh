# shellcheck shell=bash
# What every script that runs Python against the server begins with: the tools, the server, and where both are.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

tools/install
if [[ -z ${LOG_TEST_BINARY:-} ]]; then
    cargo build --locked --quiet --package log-app
    LOG_TEST_BINARY="${CARGO_TARGET_DIR:-target}/debug/opendata-log"
fi
LOG_TEST_BINARY=$(realpath "$LOG_TEST_BINARY")
LOG_TEST_WEED="$PWD/.tools/venv/bin/weed"
python="$PWD/.tools/venv/bin/python"
PYTHONPATH="$PWD/tools/python"
export LOG_TEST_BINARY LOG_TEST_WEED PYTHONPATH PYTHONDONTWRITEBYTECODE=1 python
