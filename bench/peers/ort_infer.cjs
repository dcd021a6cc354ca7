// Inference of ONNX Runtime from Node on random images.
//
//     node ort_infer.cjs MODEL SIDE BATCH
//
// For each line of the standard input it runs three times and answers with the seconds of
// the quickest.

const readline = require("node:readline");
const ort = require("onnxruntime-node");

async function main() {
  const [model, side, batch] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 2, executionProviders: ["cpu"] });
  const data = Float32Array.from({ length: batch * 3 * side * side }, () => 2 * Math.random() - 1);
  const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", data, [batch, 3, side, side]) };
  for await (const _ of readline.createInterface({ input: process.stdin })) {
    let best = Infinity;
    for (let i = 0; i < 3; i++) {
      const begin = process.hrtime.bigint();
      await session.run(feeds);
      best = Math.min(best, Number(process.hrtime.bigint() - begin) / 1e9);
    }
    console.log(best);
  }
}

main();
