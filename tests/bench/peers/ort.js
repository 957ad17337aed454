// ONNX Runtime behind the commands of `outrider nn bench --interactive`: load, run N, outputs.
//   node ort.js MODEL THREADS INPUT.npy...
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const peers = path.resolve(process.env.BENCH_PEERS || 'build/peers');
const ort = require(require.resolve('onnxruntime-node', { paths: [peers] }));

const [model, threads, ...inputs] = process.argv.slice(2);
const types = {
  '<f4': ['float32', Float32Array], '|u1': ['uint8', Uint8Array], '|i1': ['int8', Int8Array],
  '<i4': ['int32', Int32Array], '<i8': ['int64', BigInt64Array],
};
const options = {
  executionProviders: ['cpu'], executionMode: 'sequential', graphOptimizationLevel: 'all',
  intraOpNumThreads: Number(threads), interOpNumThreads: 1,
};

// NumPy: magic, version, length of the header, a Python dictionary, the numbers.
function readTensor(file) {
  const bytes = fs.readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const [name, Type] = types[/'descr': *'([^']*)'/.exec(header)[1]];
  const dims = (/'shape': *\(([^)]*)\)/.exec(header)[1].match(/\d+/g) || []).map(Number);
  return new ort.Tensor(name, new Type(Uint8Array.from(bytes.subarray(start)).buffer), dims);
}

let session, feeds, results;

async function load() {
  if (session)
    await session.release();
  const start = process.hrtime.bigint();
  session = await ort.InferenceSession.create(model, options);
  const took = process.hrtime.bigint() - start;
  feeds = {};
  inputs.forEach((file, i) => { feeds[session.inputNames[i]] = readTensor(file); });
  return String(took);
}

async function run(n) {
  const took = [];
  for (let i = 0; i < n; i++) {
    const start = process.hrtime.bigint();
    results = await session.run(feeds);
    took.push(process.hrtime.bigint() - start);
  }
  return took.join(' ');
}

function outputs() {
  return session.outputNames.map((name) => {
    const data = results[name].data;
    let sum = 0;
    for (let i = 0; i < data.length; i++)
      sum += Math.abs(Number(data[i]));
    return sum / data.length;
  }).join(' ');
}

async function answer(line) {
  const [command, n] = line.split(' ');
  if (command === 'load')
    return load();
  if (command === 'run')
    return run(Number(n));
  if (command === 'outputs')
    return outputs();
  throw new Error(`no command '${line}'`);
}

async function main() {
  console.log('ready');
  for await (const line of readline.createInterface({ input: process.stdin }))
    console.log(await answer(line).catch((e) => `error ${String(e.message).split('\n')[0]}`));
}

main();
