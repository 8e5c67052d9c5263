import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { sharedModelPath } from "../../tests/support/shared-models.ts";
import { loadModel } from "../node.ts";
import { readModel } from "../onnx/read.ts";
import { analyseNetwork } from "./network.ts";
import type { Layer } from "./model.ts";

const zoo = fileURLToPath(new URL("../../../shared/models/zoo", import.meta.url));
const families = existsSync(zoo) ? readdirSync(zoo) : [];

const short = ({ channels, height, width, layout, prefixTokens = 0 }: Layer): string =>
  `${channels} x ${height} x ${width} ${layout}${prefixTokens > 0 ? ` after ${prefixTokens}` : ""}`;

/** Of each exported family: the last layer that every path passes, found from the graph alone. */
const census: readonly (readonly [family: string, value: string, size: string])[] = [
  ["coatnet_0_rw_224_legacy", "/norm/LayerNormalization_output_0", "768 x 7 x 7 NHWC"],
  ["convnext_tiny_legacy", "/features/features.7/features.7.2/Add_output_0", "768 x 7 x 7 NCHW"],
  ["convnextv2_atto_dynamo", "add_35", "320 x 7 x 7 NCHW"],
  ["convnextv2_atto_legacy", "/stages/stages.3/blocks/blocks.1/Add_output_0", "320 x 7 x 7 NCHW"],
  ["cspresnet50_legacy", "/stages/stages.3/conv_transition/bn/act/LeakyRelu_output_0", "1024 x 8 x 8 NCHW"],
  ["darknet53_legacy", "/stages/stages.4/blocks/blocks.3/Add_output_0", "1024 x 8 x 8 NCHW"],
  ["davit_tiny_legacy", "/stages/stages.3/blocks/blocks.0/blocks.0.1/Add_1_output_0", "768 x 7 x 7 tokens"],
  ["deit_tiny_patch16_224_dynamo", "layer_norm_24", "192 x 14 x 14 tokens after 1"],
  ["deit_tiny_patch16_224_legacy", "/norm/LayerNormalization_output_0", "192 x 14 x 14 tokens after 1"],
  ["dla34_legacy", "/level5/root/relu/Relu_output_0", "512 x 7 x 7 NCHW"],
  ["edgenext_xx_small_dynamo", "add_20", "168 x 8 x 8 NCHW"],
  ["edgenext_xx_small_legacy", "/stages/stages.3/blocks/blocks.1/Add_4_output_0", "168 x 8 x 8 NCHW"],
  ["efficientformer_l1_legacy", "/norm/LayerNormalization_output_0", "448 x 7 x 7 tokens"],
  ["efficientnet_b0_legacy", "/features/features.8/features.8.2/Mul_output_0", "1280 x 7 x 7 NCHW"],
  ["efficientnet_v2_s_legacy", "/features/features.7/features.7.2/Mul_output_0", "1280 x 7 x 7 NCHW"],
  ["eva02_tiny_patch14_224_legacy", "/Slice_output_0", "192 x 16 x 16 tokens"],
  ["fastvit_t8_dynamo", "gelu_16", "768 x 8 x 8 NCHW"],
  ["fastvit_t8_legacy", "/final_conv/act/Mul_1_output_0", "768 x 8 x 8 NCHW"],
  ["ghostnet_100_legacy", "/blocks/blocks.9/blocks.9.0/bn1/act/Relu_output_0", "960 x 7 x 7 NCHW"],
  ["gmlp_s16_224_legacy", "/norm/LayerNormalization_output_0", "256 x 14 x 14 tokens"],
  ["googlenet_dynamo", "cat_8", "1024 x 7 x 7 NCHW"],
  ["googlenet_legacy", "/inception5b/Concat_output_0", "1024 x 7 x 7 NCHW"],
  ["hardcorenas_a_legacy", "/blocks/blocks.6/blocks.6.0/bn1/act/HardSwish_output_0", "960 x 7 x 7 NCHW"],
  ["hrnet_w18_small_legacy", "/final_layer/final_layer.2/Relu_output_0", "2048 x 7 x 7 NCHW"],
  ["levit_128s_dynamo", "add_30", "384 x 4 x 4 tokens"],
  ["levit_128s_legacy", "/stages/stages.2/blocks/blocks.3/Add_1_output_0", "384 x 4 x 4 tokens"],
  [
    "maxvit_t_legacy",
    "/blocks.3/layers.1/layers/grid_attention/departition_op/Reshape_1_output_0",
    "512 x 7 x 7 NCHW",
  ],
  ["mixer_s32_224_legacy", "/norm/LayerNormalization_output_0", "512 x 7 x 7 tokens"],
  ["mnasnet1_0_dynamo", "relu_34", "1280 x 7 x 7 NCHW"],
  ["mnasnet1_0_legacy", "/layers/layers.16/Relu_output_0", "1280 x 7 x 7 NCHW"],
  ["mobilenet_v2_dynamo", "hardtanh_34", "1280 x 7 x 7 NCHW"],
  ["mobilenet_v2_legacy", "/features/features.18/features.18.2/Clip_output_0", "1280 x 7 x 7 NCHW"],
  ["mobilenet_v3_large_legacy", "/features/features.16/features.16.2/HardSwish_output_0", "960 x 7 x 7 NCHW"],
  ["mobilenetv4_conv_small_legacy", "/blocks/blocks.4/blocks.4.0/bn1/act/Relu_output_0", "960 x 7 x 7 NCHW"],
  ["mobilevit_xxs_legacy", "/final_conv/bn/act/Mul_output_0", "320 x 8 x 8 NCHW"],
  ["poolformer_s12_dynamo", "add_23", "512 x 7 x 7 NCHW"],
  ["poolformer_s12_legacy", "/stages/stages.3/blocks/blocks.1/Add_1_output_0", "512 x 7 x 7 NCHW"],
  ["regnet_y_400mf_dynamo", "relu_64", "440 x 7 x 7 NCHW"],
  ["regnet_y_400mf_legacy", "/trunk_output/block4/block4-5/activation/Relu_output_0", "440 x 7 x 7 NCHW"],
  ["repvgg_a0_legacy", "/stages/stages.3/stages.3.0/act/Relu_output_0", "1280 x 7 x 7 NCHW"],
  ["res2net50_26w_4s_legacy", "/layer4/layer4.2/relu_4/Relu_output_0", "2048 x 7 x 7 NCHW"],
  ["resmlp_12_224_legacy", "/norm/Add_output_0", "384 x 14 x 14 tokens"],
  ["resnet50_clip_legacy", "/head/proj/Add_output_0", "1024 x 7 x 7 tokens after 1"],
  ["resnetv2_50_legacy", "/norm/act/Relu_output_0", "2048 x 7 x 7 NCHW"],
  ["resnext50_32x4d_legacy", "/layer4/layer4.2/act3/Relu_output_0", "2048 x 7 x 7 NCHW"],
  ["rexnet_100_legacy", "/features/features.16/bn/act/Mul_output_0", "1280 x 7 x 7 NCHW"],
  ["seresnet50_legacy", "/layer4/layer4.2/act3/Relu_output_0", "2048 x 7 x 7 NCHW"],
  ["shufflenet_v2_x1_0_legacy", "/conv5/conv5.2/Relu_output_0", "1024 x 7 x 7 NCHW"],
  ["skresnet18_legacy", "/layer4/layer4.1/act/Relu_output_0", "512 x 7 x 7 NCHW"],
  ["squeezenet1_1_dynamo", "relu_25", "1000 x 13 x 13 NCHW"],
  ["squeezenet1_1_legacy", "/classifier/classifier.2/Relu_output_0", "1000 x 13 x 13 NCHW"],
  ["swin_t_legacy", "/norm/LayerNormalization_output_0", "768 x 7 x 7 NHWC"],
  ["swin_v2_t_legacy", "/norm/LayerNormalization_output_0", "768 x 7 x 7 NHWC"],
  ["tf_efficientnet_b0_legacy", "/bn2/act/Mul_output_0", "1280 x 7 x 7 NCHW"],
  ["tf_efficientnet_lite0_dynamo", "hardtanh_32", "1280 x 7 x 7 NCHW"],
  ["tf_efficientnet_lite0_legacy", "/bn2/act/Clip_output_0", "1280 x 7 x 7 NCHW"],
  ["vit_tiny_patch16_224_dynamo", "layer_norm_24", "192 x 14 x 14 tokens after 1"],
  ["vit_tiny_patch16_224_legacy", "/norm/LayerNormalization_output_0", "192 x 14 x 14 tokens after 1"],
];

/** What a dry run makes of it where only the class token is read. */
const settled: readonly (readonly [family: string, value: string, size: string])[] = [
  ["vit_tiny_patch16_224_legacy", "/blocks/blocks.10/Add_1_output_0", "192 x 14 x 14 tokens after 1"],
  ["deit_tiny_patch16_224_dynamo", "add_22", "192 x 14 x 14 tokens after 1"],
  ["eva02_tiny_patch14_224_legacy", "/Slice_output_0", "192 x 16 x 16 tokens"],
];

describe.skipIf(families.length === 0)("the target layer of exported families", () => {
  it("is stated for every family", () => {
    expect(census.map(([family]) => family)).toEqual(families);
  });

  it.each(census)("%s: %s", (family, value, size) => {
    const { layers } = analyseNetwork(readModel(readFileSync(`${zoo}/${family}/model.onnx`)));
    expect(layers[0]?.name).toBe(value);
    expect(layers[0] && short(layers[0])).toBe(size);
  });

  it.each(settled)("%s with weights: %s", async (family, value, size) => {
    const model = await loadModel(sharedModelPath(`zoo/${family}`), { threads: 1 });
    try {
      expect(model.defaultLayer.name).toBe(value);
      expect(short(model.defaultLayer)).toBe(size);
    } finally {
      await model.close();
    }
  });
});
