"""Hugging Face classifiers of small configurations, exported as optimum does: `pixel_values` in, `logits` out."""

import transformers as hf

from torch_models import Logits, case

WIDE = (1, 3, 64, 96)


def make(folder):
    def add(name, make_model, shape=WIDE, grid=None, **more):
        case(folder, f"hf-{name}", lambda: Logits(make_model()), shape, source=f"transformers {hf.__version__} {name}", grid=grid,
             input_name="pixel_values", output_names=["logits"], **more)

    tokens = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 96, "image_size": (64, 96),
              "num_labels": 10, "attn_implementation": "eager"}
    add("vit", lambda: hf.ViTForImageClassification(hf.ViTConfig(**tokens)), grid=[4, 6])
    add("vit-sdpa", lambda: hf.ViTForImageClassification(hf.ViTConfig(**{**tokens, "attn_implementation": "sdpa"})), grid=[4, 6])
    add("vit-dynamo", lambda: hf.ViTForImageClassification(hf.ViTConfig(**tokens)), grid=[4, 6], is_dynamo=True, opset=18)
    add("deit", lambda: hf.DeiTForImageClassification(hf.DeiTConfig(**tokens)), grid=[4, 6])
    add("deit-distilled", lambda: hf.DeiTForImageClassificationWithTeacher(hf.DeiTConfig(**tokens)), grid=[4, 6])
    add("beit", lambda: hf.BeitForImageClassification(hf.BeitConfig(**{**tokens, "image_size": 64}, use_relative_position_bias=True)),
        (1, 3, 64, 64), grid=[4, 4])
    add("dinov2", lambda: hf.Dinov2ForImageClassification(hf.Dinov2Config(**{**tokens, "image_size": 56}, patch_size=14)), (1, 3, 56, 56), grid=[4, 4])
    add("dinov2-registers", lambda: hf.Dinov2WithRegistersForImageClassification(
        hf.Dinov2WithRegistersConfig(**{**tokens, "image_size": 56}, patch_size=14)), (1, 3, 56, 56), grid=[4, 4])
    add("resnet", lambda: hf.ResNetForImageClassification(hf.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 1, 1], layer_type="basic", num_labels=10)), grid=[2, 3])
    add("convnext", lambda: hf.ConvNextForImageClassification(hf.ConvNextConfig(
        hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], num_labels=10)), grid=[2, 3])
    add("convnextv2", lambda: hf.ConvNextV2ForImageClassification(hf.ConvNextV2Config(
        hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], num_labels=10)), grid=[2, 3])
    windows = {"embed_dim": 24, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4, "image_size": 64, "num_labels": 10}
    add("swin", lambda: hf.SwinForImageClassification(hf.SwinConfig(**windows)), (1, 3, 64, 64), grid=[8, 8])
    add("swinv2", lambda: hf.Swinv2ForImageClassification(hf.Swinv2Config(**windows)), (1, 3, 64, 64), grid=[8, 8])
    add("mobilevit", lambda: hf.MobileViTForImageClassification(hf.MobileViTConfig(
        hidden_sizes=[24, 32, 40], neck_hidden_sizes=[8, 8, 16, 24, 32, 40, 64], num_labels=10)), (1, 3, 64, 64), grid=[2, 2])
    add("mobilenetv2", lambda: hf.MobileNetV2ForImageClassification(hf.MobileNetV2Config(depth_multiplier=0.35, num_labels=10)), grid=[2, 3])
    add("regnet", lambda: hf.RegNetForImageClassification(hf.RegNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 1, 1], groups_width=8, num_labels=10)), grid=[2, 3], is_committed=True)
    add("siglip", lambda: hf.SiglipForImageClassification(hf.SiglipConfig(
        vision_config={**{k: v for k, v in tokens.items() if k != "num_labels"}, "image_size": 64}, num_labels=10)), (1, 3, 64, 64), grid=[4, 4])
    add("clip", lambda: hf.CLIPForImageClassification(hf.CLIPConfig(
        vision_config={**{k: v for k, v in tokens.items() if k != "num_labels"}, "image_size": 64, "patch_size": 16}, num_labels=10)), (1, 3, 64, 64), grid=[4, 4])
