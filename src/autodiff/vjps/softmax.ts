import { unary, type VjpTable } from "../rules.ts";
import { axisAttribute, fullAlong } from "./axes.ts";

export const softmaxVjps: VjpTable = {
  // t = dy y: t - y sum(t)
  Softmax: unary(({ g, node, y, dy }) => {
    const t = g.mul(dy, y);
    return g.sub(t, g.mul(y, g.reduce("ReduceSum", t, [axisAttribute(g, node, y, -1)])));
  }),
  // dy - e^y sum(dy)
  LogSoftmax: unary((context) => {
    const { g, node, y } = context;
    const axis = axisAttribute(g, node, y, -1);
    const dy = fullAlong(context, [axis]);
    return g.sub(dy, g.mul(g.unary("Exp", y), g.reduce("ReduceSum", dy, [axis])));
  }),
};
