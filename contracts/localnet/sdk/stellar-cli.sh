#!/bin/sh
# stellar-cli, unmodified, against localnet: `sh stellar-cli.sh [path of localnet]`.
# Starts a ledger of its own, prints each command with what it says, stops at the first
# that fails, and leaves nothing behind. Wants `stellar` (28.1.0) on PATH.
set -eu
cd "$(dirname "$0")"
localnet=${1:-../../target/localnet/localnet}
home=$(mktemp -d)
export STELLAR_CONFIG_HOME="$home" STELLAR_NO_UPDATE_CHECK=1 STELLAR_NETWORK=village
unset STELLAR_ACCOUNT STELLAR_RPC_URL STELLAR_NETWORK_PASSPHRASE 2>/dev/null || true

"$localnet" --listen 127.0.0.1:0 --close-ms 200 >"$home/address" &
ledger=$!
trap 'kill $ledger; rm -rf "$home"' EXIT
until [ -s "$home/address" ]; do sleep 0.1; done
url=$(sed 's/.* //' "$home/address")

# Runs a command and shows it as one would type it.
run() {
    printf '$ stellar'
    printf ' %s' "$@" | sed "s|$url|\$URL|"
    printf '\n'
    stellar "$@"
}

# Drives the ledger's clock, which stellar-cli has no command for.
advance_ledgers() {
    printf '(%s ledgers go by)\n' "$1"
    curl -sf -o "$home/answer" "$url" -d '{"jsonrpc": "2.0", "id": 1,
        "method": "dev_advanceLedgers", "params": {"n": '"$1"'}}'
}

run network add village --rpc-url "$url" --network-passphrase 'Standalone Network ; February 2017'
run network health
run keys generate admin --fund
run keys generate user --fund
admin=$(stellar keys address admin)
user=$(stellar keys address user)

run contract deploy --alias electric --source admin --wasm ../../wasm/electric.wasm -- \
    --admin admin --decimals 7 --name ELECTRIC --symbol ELEC
run contract invoke --id electric --source admin -- grant --user user
run contract invoke --id electric --source user -- balance --account user
run events --start-ledger 1 --id electric --output pretty
run contract fetch --id electric --out-file "$home/fetched.wasm"
cmp "$home/fetched.wasm" ../../wasm/electric.wasm && echo '(the same bytes)'
run contract info interface --id electric --output json-formatted >"$home/interface"
head -n 4 "$home/interface"

run tx new change-trust --source user --line "KWH:$admin"
run tx new payment --source admin --destination user --asset "KWH:$admin" --amount 2500000000
run contract asset deploy --source admin --asset "KWH:$admin" --alias kwh
run contract invoke --id kwh --source user -- balance --id user
run contract invoke --id kwh --source user -- transfer --from user --to admin --amount 90
stellar tx new payment --source user --destination admin --amount 5 --build-only \
    | stellar tx sign --sign-with-key user >"$home/signed"
echo '$ stellar tx new payment ... --build-only | stellar tx sign --sign-with-key user | stellar tx send'
stellar tx send <"$home/signed" | head -c 120
echo

run contract extend --id electric --source user --ledgers-to-extend 3110399
advance_ledgers 3456000
run contract restore --id electric --source user
run contract invoke --id electric --source user -- balance --account user
