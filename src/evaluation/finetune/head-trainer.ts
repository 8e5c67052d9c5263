import { differentiate } from "../../autodiff/differentiate.ts";
import { GraphBuilder } from "../../graph/graph-builder.ts";
import { writeModel } from "../../onnx/write.ts";
import type { Runtime, Session } from "../../runtime/session.ts";
import { tensor, type AnyTensor, type Tensor } from "../../tensor/tensor.ts";

/** Weights of a linear layer. */
export interface HeadWeights {
  /** `[K, F]`. */
  readonly weight: Tensor;
  /** `[K]`. */
  readonly bias: Tensor;
}

export interface HeadStep {
  /** Mean binary cross-entropy over images and classes. */
  readonly loss: number;
  /** `[N, K]`. */
  readonly logits: Tensor;
  readonly weightGradient: Tensor;
  readonly biasGradient: Tensor;
}

/** Loss and gradients of a linear layer under binary cross-entropy. */
export interface HeadLoss {
  /**
   * @param features `[N, F]`.
   * @param labels `[N, K]` of 0 and 1.
   */
  step(features: Tensor, labels: Tensor, weights: HeadWeights): Promise<HeadStep>;
  release(): Promise<void>;
}

/**
 * The graph of loss(W, b) = mean(softplus(z) - z y), z = x W^T + b, with its gradient appended by the same differentiation
 * that explains networks: the weights are graph inputs, so they change without another session.
 */
export async function createHeadLoss(
  runtime: Runtime,
  featureCount: number,
  classCount: number,
): Promise<HeadLoss> {
  const g = GraphBuilder.empty(17, "head-loss");
  const x = g.input("features", ["batch", featureCount]);
  const y = g.input("labels", ["batch", classCount]);
  const weight = g.input("weight", [classCount, featureCount]);
  const bias = g.input("bias", [classCount]);
  const logits = g.node("Gemm", [x, weight, bias], { transB: 1 });
  const losses = g.sub(g.unary("Softplus", logits), g.mul(logits, y));
  const loss = g.reduce("ReduceMean", losses, [0, 1], false);
  const { cotangents, gradients } = differentiate(g, { of: [loss], wrt: [weight, bias] });
  g.clearOutputs();
  const names = {
    loss: g.output(loss, "loss"),
    logits: g.output(logits, "logits"),
    weight: g.output(gradients[weight] ?? "", "weight_gradient"),
    bias: g.output(gradients[bias] ?? "", "bias_gradient"),
  };
  const session: Session = await runtime.createSession(
    writeModel({ graph: g.build(), opsets: new Map([["", 17]]) }),
  );
  const one = tensor([1], []);
  return {
    async step(features, labels, weights) {
      const outputs = await session.run(
        { features, labels, weight: weights.weight, bias: weights.bias, [cotangents[loss] ?? ""]: one },
        Object.values(names),
      );
      const float = (name: string): Tensor => outputs[name] as AnyTensor as Tensor;
      return {
        loss: float(names.loss).data[0] ?? NaN,
        logits: float(names.logits),
        weightGradient: float(names.weight),
        biasGradient: float(names.bias),
      };
    },
    release: () => session.release(),
  };
}

/** Adam (Kingma and Ba, 2015) over a list of arrays, which it changes in place. */
export interface Adam {
  update(parameters: readonly Float32Array[], gradients: readonly Float32Array[]): void;
  /** Moments and step count, for resuming. */
  readonly state: {
    step: number;
    readonly first: readonly Float32Array[];
    readonly second: readonly Float32Array[];
  };
}

/** Moments decay by 0.9 and 0.999, the published defaults. */
export function createAdam(sizes: readonly number[], learningRate: number): Adam {
  const state = {
    step: 0,
    first: sizes.map((size) => new Float32Array(size)),
    second: sizes.map((size) => new Float32Array(size)),
  };
  return {
    state,
    update(parameters, gradients) {
      state.step++;
      const rate = (learningRate * Math.sqrt(1 - 0.999 ** state.step)) / (1 - 0.9 ** state.step);
      parameters.forEach((values, list) => {
        const [gradient, first, second] = [gradients[list], state.first[list], state.second[list]];
        if (gradient === undefined || first === undefined || second === undefined) return;
        for (let index = 0; index < values.length; index++) {
          const slope = gradient[index] ?? 0;
          const m = 0.9 * (first[index] ?? 0) + 0.1 * slope;
          const v = 0.999 * (second[index] ?? 0) + 0.001 * slope * slope;
          first[index] = m;
          second[index] = v;
          values[index] = (values[index] ?? 0) - (rate * m) / (Math.sqrt(v) + 1e-8);
        }
      });
    },
  };
}
