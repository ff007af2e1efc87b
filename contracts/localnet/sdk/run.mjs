/**
 * The JavaScript SDK, unmodified, against localnet: `node run.mjs [path of localnet]`.
 *
 * It starts a ledger of its own, uploads and calls ELECTRIC, reads its events, issues an
 * asset and moves it by trust line and by contract, lets everything be archived and calls
 * it again. It prints a line for each step, fails at the first one that is not as it
 * should be, and leaves nothing behind.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import {
  Address, Asset, BASE_FEE, Contract, Keypair, Operation, SorobanDataBuilder,
  TransactionBuilder, contract, nativeToScVal, rpc, scValToNative, xdr,
} from "@stellar/stellar-sdk";

const here = (path) => new URL(path, import.meta.url);
const localnet = process.argv[2] ?? here("../../target/localnet/localnet").pathname;
const DAYS_200_LEDGERS = (200 * 86_400) / 5;

/** Starts the program and waits for the line with its address. */
async function start() {
  const arguments_ = ["--listen", "127.0.0.1:0", "--close-ms", "0"];
  const child = spawn(localnet, arguments_, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    return { child, url: line.split(" ").at(-1) };
  }
  throw new Error(`${localnet} did not start: build it, or give its path`);
}

const say = (step, ...values) => console.log(step.padEnd(34), ...values);

async function main(url) {
  const server = new rpc.Server(url, { allowHttp: true });
  const { passphrase: networkPassphrase } = await server.getNetwork();
  const health = await server.getHealth();
  say("getHealth", health.status, "retention", health.ledgerRetentionWindow);

  const [admin, user] = [Keypair.random(), Keypair.random()];
  for (const key of [admin, user]) await server.fundAddress(key.publicKey());

  /** Simulates what needs it, signs, sends and waits; returns what became of it. */
  async function send(key, operation, sorobanData) {
    const source = await server.getAccount(key.publicKey());
    const builder = new TransactionBuilder(source, { fee: BASE_FEE, networkPassphrase });
    // No time bound: the SDK takes it from this machine's clock, and the ledger's runs ahead.
    builder.addOperation(operation).setTimeout(0);
    if (sorobanData) builder.setSorobanData(sorobanData);
    let transaction = builder.build();
    const runs = ["invokeHostFunction", "extendFootprintTtl", "restoreFootprint"];
    if (runs.includes(operation.body().switch().name)) {
      transaction = await server.prepareTransaction(transaction);
    }
    transaction.sign(key);
    const sent = await server.sendTransaction(transaction);
    assert.equal(sent.status, "PENDING", JSON.stringify(sent.errorResult));
    const found = await server.pollTransaction(sent.hash, { sleepStrategy: () => 20 });
    assert.equal(found.status, "SUCCESS", JSON.stringify(found.resultXdr));
    return found;
  }

  const wasm = await readFile(here("../../wasm/electric.wasm"));
  const uploaded = await send(admin, Operation.uploadContractWasm({ wasm }));
  say("uploadContractWasm", wasm.length, "bytes,", `${uploaded.resultXdr.feeCharged()} stroops`);

  const signer = contract.basicNodeSigner(admin, networkPassphrase);
  const options = {
    ...signer, publicKey: admin.publicKey(), networkPassphrase, rpcUrl: url, allowHttp: true,
  };
  const deployment = await contract.Client.deploy(
    { admin: admin.publicKey(), decimals: 7, name: "ELECTRIC", symbol: "ELEC" },
    { ...options, wasmHash: scValToNative(uploaded.returnValue) },
  );
  const { result: electric } = await deployment.signAndSend();
  const id = electric.options.contractId;
  say("contract.Client.deploy", id.slice(0, 8), "...");

  await (await electric.grant({ user: user.publicKey() })).signAndSend();
  const balance = async () => (await electric.balance({ account: user.publicKey() })).result;
  assert.equal(await balance(), 100_000_000_000n);
  say("grant, balance", `${await balance()}`);
  await assert.rejects(electric.grant({ user: user.publicKey() }).then((tx) => tx.signAndSend()));
  say("grant once more", "refused by simulation");

  const transfer = nativeToScVal("mint", { type: "symbol" }).toXDR("base64");
  const filters = [{ type: "contract", contractIds: [id], topics: [[transfer, "**"]] }];
  const first = await server.getEvents({ startLedger: 1, filters, limit: 1 });
  assert.equal(first.events.length, 1);
  const rest = await server.getEvents({ cursor: first.cursor, filters });
  say("getEvents", first.events[0].topic.map(scValToNative)[0], "then", rest.events.length, "more");

  const asset = new Asset("KWH", admin.publicKey());
  await send(user, Operation.changeTrust({ asset, limit: "1000" }));
  await send(admin, Operation.payment({ destination: user.publicKey(), asset, amount: "250" }));
  const held = await server.getAssetBalance(user.publicKey(), asset, networkPassphrase);
  assert.equal(held.balanceEntry.amount, "2500000000");
  say("changeTrust, payment, balance", held.balanceEntry.amount);

  await send(admin, Operation.createStellarAssetContract({ asset }));
  const token = new Contract(asset.contractId(networkPassphrase));
  const address = (text) => new Address(text).toScVal();
  const units = (value) => nativeToScVal(value, { type: "i128" });
  await send(user, token.call("transfer", address(user.publicKey()), address(id), units(90n)));
  await send(admin, token.call("mint", address(user.publicKey()), units(1n)));
  const inContract = await server.getAssetBalance(id, asset, networkPassphrase);
  assert.equal(inContract.balanceEntry.amount, "90");
  say("asset contract: transfer, mint", inContract.balanceEntry.amount, "in the contract");

  // The SDK looks for a trust line, and lumens have none: it fails so on every network.
  const lumens = server.getAssetBalance(user.publicKey(), Asset.native(), networkPassphrase);
  await assert.rejects(lumens, /Trustline for XLM/);
  const account = await server.getAccountEntry(user.publicKey());
  say("getAccountEntry, XLM balance", account.balance().toString());
  await send(admin, Operation.createStellarAssetContract({ asset: Asset.native() }));
  const native = new Contract(Asset.native().contractId(networkPassphrase));
  await send(user, native.call("transfer", address(user.publicKey()), address(id), units(5n)));
  const xlm = await server.getAssetBalance(id, Asset.native(), networkPassphrase);
  say("getAssetBalance, XLM of a contract", xlm.balanceEntry.amount);

  const instance = xdr.LedgerKey.contractData(new xdr.LedgerKeyContractData({
    contract: new Address(id).toScAddress(),
    key: xdr.ScVal.scvLedgerKeyContractInstance(),
    durability: xdr.ContractDataDurability.persistent(),
  }));
  const liveUntil = async () =>
    (await server.getLedgerEntries(instance)).entries[0].liveUntilLedgerSeq;
  const before = await liveUntil();
  const extended = new SorobanDataBuilder().setReadOnly([instance]).build();
  await send(admin, Operation.extendFootprintTtl({ extendTo: 3_110_399 }), extended);
  say("extendFootprintTtl", before, "->", await liveUntil());

  await fetch(url, {
    method: "POST",
    body: JSON.stringify({
      jsonrpc: "2.0", id: 1, method: "dev_advanceLedgers", params: { n: DAYS_200_LEDGERS },
    }),
  });
  assert((await liveUntil()) < (await server.getLatestLedger()).sequence);
  const restored = new SorobanDataBuilder().setReadWrite([instance]).build();
  await send(admin, Operation.restoreFootprint({}), restored);
  say("200 days later, restoreFootprint", "live until", await liveUntil());
  const call = new Contract(id).call("balance", address(user.publicKey()));
  const again = await send(user, call);
  assert.equal(scValToNative(again.returnValue), 100_000_000_000n);
  say("balance, restored by the call", `${again.resultXdr.feeCharged()} stroops`);
}

const { child, url } = await start();
try {
  await main(url);
} finally {
  child.kill("SIGTERM");
}
