import { dimOf, knownValue, type InferRule, type InferTable } from "./context.ts";

/** LSTM, GRU, RNN: Y [S, directions, B, H], Y_h and (LSTM) Y_c [directions, B, H]. */
const recurrent: InferRule = (c) => {
  const x = c.input(0);
  const directions = dimOf(c, c.input(1), 0);
  const hidden = c.int("hidden_size", dimOf(c, c.input(2), 2));
  const isBatchFirst = c.int("layout", 0) === 1;
  const [first = 0, second = 0] = x.dims;
  const [length, batch] = isBatchFirst ? [second, first] : [first, second];
  const all = isBatchFirst ? [batch, length, directions, hidden] : [length, directions, batch, hidden];
  const last = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const outputs = [knownValue(c, x.type, all), knownValue(c, x.type, last), knownValue(c, x.type, last)];
  return c.node.opType === "LSTM" ? outputs : outputs.slice(0, 2);
};

/** Recurrent layers. */
export const recurrentRules: InferTable = { LSTM: recurrent, GRU: recurrent, RNN: recurrent };
