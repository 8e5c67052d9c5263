"""timm families: small variants where a family takes its sizes as arguments, else its smallest member."""

import timm

from torch_models import case

WIDE = (1, 3, 64, 96)
VIT = {"embed_dim": 48, "depth": 2, "num_heads": 3, "num_classes": 10}


def model(name, **options):
    return lambda: timm.create_model(name, pretrained=False, **{"num_classes": 10, **options})


def make(folder):
    def add(name, architecture, shape=WIDE, grid=None, **more):
        # Exporters below opset 14 know no fused attention.
        timm.layers.set_fused_attn(more.get("opset", 17) >= 14)
        exported = {key: more.pop(key) for key in list(more) if key in ("opset", "is_dynamo", "batch", "is_committed", "external_data", "refused")}
        case(folder, name, model(architecture, **more), shape, source=f"timm {timm.__version__} {architecture}", grid=grid, **exported)

    wide = {"img_size": (64, 96)}
    tokens = {**VIT, **wide}
    # Token models of 4 x 6 places, with nothing, a class token, a distillation token, registers before them.
    for opset in (11, 13, 14, 17, 20):
        add(f"timm-vit-opset-{opset}", "vit_tiny_patch16_224", grid=[4, 6], opset=opset, **tokens)
    add("timm-vit-batch-1", "vit_tiny_patch16_224", grid=[4, 6], batch="fixed", **tokens)
    add("timm-vit-dynamo", "vit_tiny_patch16_224", grid=[4, 6], is_dynamo=True, opset=18, **tokens)
    add("timm-vit-dynamo-batch-1", "vit_tiny_patch16_224", grid=[4, 6], is_dynamo=True, opset=18, batch="fixed", **tokens)
    add("timm-vit-dynamo-opset-23", "vit_tiny_patch16_224", grid=[4, 6], is_dynamo=True, opset=23, **tokens)
    add("timm-deit-distilled", "deit_tiny_distilled_patch16_224", grid=[4, 6], **tokens)
    add("timm-deit-distilled-dynamo", "deit_tiny_distilled_patch16_224", grid=[4, 6], is_dynamo=True, opset=18, **tokens)
    registers = {**VIT, "img_size": (56, 84)}
    add("timm-dinov2-registers", "vit_small_patch14_reg4_dinov2", (1, 3, 56, 84), grid=[4, 6], **registers)
    add("timm-dinov2-registers-dynamo", "vit_small_patch14_reg4_dinov2", (1, 3, 56, 84), grid=[4, 6], is_dynamo=True, opset=20, **registers)
    add("timm-dinov3", "vit_small_patch16_dinov3", grid=[4, 6], **tokens)
    add("timm-dinov3-dynamo", "vit_small_patch16_dinov3", grid=[4, 6], is_dynamo=True, opset=20, **tokens)
    add("timm-beit", "beit_base_patch16_224", grid=[4, 6], **tokens)
    add("timm-beit-dynamo", "beit_base_patch16_224", grid=[4, 6], is_dynamo=True, opset=18, **tokens)
    add("timm-eva02", "eva02_tiny_patch14_224", (1, 3, 56, 84), grid=[4, 6], **registers)
    add("timm-eva02-dynamo", "eva02_tiny_patch14_224", (1, 3, 56, 84), grid=[4, 6], is_dynamo=True, opset=23, **registers)
    add("timm-siglip", "vit_base_patch16_siglip_224", grid=[4, 6], **tokens)
    add("timm-vit-average", "vit_tiny_patch16_224", grid=[4, 6], global_pool="avg", **tokens)
    add("timm-mixer", "mixer_s32_224", grid=[4, 6], img_size=(128, 192), shape=(1, 3, 128, 192))
    windows = {**wide, "window_size": 4, "embed_dim": 24, "depths": (2, 2), "num_heads": (2, 4)}
    for exporter in ({"opset": 17}, {"opset": 12}, {"is_dynamo": True, "opset": 18}, {"opset": 17, "batch": "fixed"}):
        label = "-dynamo" if "is_dynamo" in exporter else "-batch-1" if "batch" in exporter else f"-opset-{exporter['opset']}"
        add(f"timm-swin{label}", "swin_tiny_patch4_window7_224", grid=[8, 12], **windows, **exporter)
        add(f"timm-swinv2{label}", "swinv2_tiny_window8_256", grid=[8, 12], **windows, **exporter)
    tiny = {**windows, "embed_dim": 8, "depths": (1, 1), "num_heads": (1, 2), "num_classes": 5}
    add("timm-swin-tiny", "swin_tiny_patch4_window7_224", grid=[8, 12], is_committed=True, **tiny)
    add("timm-swinv2-tiny", "swinv2_tiny_window8_256", grid=[8, 12], is_dynamo=True, opset=18, **tiny)
    add("timm-vit-tiny", "vit_tiny_patch16_224", grid=[4, 6], is_committed=True, **{**tokens, "embed_dim": 8, "depth": 1, "num_heads": 2, "num_classes": 5})
    maxvit = {"img_size": (64, 64), "shape": (1, 3, 64, 64), "grid": [2, 2]}
    for exporter in ({"opset": 17}, {"is_dynamo": True, "opset": 18}):
        label = "-dynamo" if "is_dynamo" in exporter else ""
        add(f"timm-maxvit{label}", "maxvit_rmlp_pico_rw_256", **maxvit, **exporter)
        add(f"timm-coatnet{label}", "coatnet_nano_rw_224", img_size=(64, 96), grid=[2, 3], **exporter)
        add(f"timm-convnextv2{label}", "convnextv2_atto", depths=(1, 1, 2, 1), dims=(16, 24, 32, 48), grid=[2, 3], **exporter)
        add(f"timm-fastvit{label}", "fastvit_t8", grid=[2, 3], **exporter)
        add(f"timm-mobilevit{label}", "mobilevit_xxs", grid=[2, 3], **exporter)
        add(f"timm-mobilevitv2{label}", "mobilevitv2_050", grid=[2, 4], **exporter)
        add(f"timm-edgenext{label}", "edgenext_xx_small", grid=[2, 3], **exporter)
    add("timm-efficientformer", "efficientformer_l1", (1, 3, 224, 224), grid=[7, 7])
    add("timm-efficientformer-dynamo", "efficientformer_l1", (1, 3, 224, 224), grid=[7, 7], is_dynamo=True, opset=18)
    add("timm-efficientformerv2", "efficientformerv2_s0", (1, 3, 224, 224), grid=[7, 7])
    square = {"shape": (1, 3, 224, 224)}
    for architecture in ("levit_128s", "pit_ti_224", "cait_xxs24_224", "pvt_v2_b0", "twins_svt_small", "crossvit_tiny_240",
                         "convit_tiny", "gcvit_xxtiny", "focalnet_tiny_srf", "hiera_tiny_224", "mvitv2_tiny", "tiny_vit_5m_224",
                         "coat_lite_tiny", "xcit_nano_12_p16_224", "visformer_tiny", "nest_tiny", "volo_d1_224", "sequencer2d_s",
                         "botnet26t_256", "halonet26t", "lambda_resnet26t", "davit_tiny", "swinv2_cr_tiny_ns_224", "tnt_s_patch16_224",
                         "gmixer_24_224", "samvit_base_patch16_224"):
        size = 240 if "240" in architecture else 256 if architecture in ("botnet26t_256", "halonet26t", "lambda_resnet26t") else 224
        add(f"timm-{architecture}", architecture, shape=(1, 3, size, size))
    # Convolutional families on an image that is wider than high.
    for architecture in ("repvit_m0_9", "mobileone_s0", "mobilenetv4_hybrid_medium", "inception_next_atto", "starnet_s1", "ghostnetv2_100",
                         "lcnet_050", "tinynet_e", "mixnet_s", "dpn68", "nf_resnet26", "dm_nfnet_f0", "ecaresnet26t", "seresnext26d_32x4d",
                         "selecsls42", "inception_v4", "xception41", "densenet121", "vgg11_bn", "tf_efficientnetv2_b0", "tf_mobilenetv3_small_minimal_100",
                         "resnet18d", "skresnet18", "caformer_s18", "poolformerv2_s12", "hrnet_w18_small", "ese_vovnet19b_dw",
                         "convformer_s18", "mambaout_femto", "rdnet_tiny", "regnetz_b16", "res2next50", "cs3darknet_s", "efficientvit_b0", "efficientvit_m0",
                         "shvit_s1", "swiftformer_xs", "vovnet39a", "nextvit_small", "hgnetv2_b0", "pnasnet5large", "test_nfnet", "test_byobnet"):
        big = architecture in ("inception_v4", "pnasnet5large", "xception41")
        small = (1, 3, 224, 224) if architecture.startswith("efficientvit_m") else (1, 3, 128, 192) if not big else (1, 3, 160, 224)
        add(f"timm-{architecture}", architecture, shape=small)
    for opset in (9, 11, 13, 18):
        add(f"timm-resnet18-opset-{opset}", "resnet18", opset=opset, grid=[2, 3])
    for opset in (18, 20, 22, 24):
        add(f"timm-resnet18-dynamo-opset-{opset}", "resnet18", opset=opset, grid=[2, 3], is_dynamo=True)
    add("timm-resnet18-external-data", "test_resnet", grid=None, is_dynamo=True, opset=18, external_data=True)
    add("timm-test_resnet", "test_resnet")
