"""Writes `decoders.jsonl`: configurations drawn at random that leave much unsaid, and of each what Hugging Face's
transformers makes of it: parameters, the window of each layer, and the FLOPs of matrix products that PyTorch's
FlopCounterMode counts of 8 tokens, forward and backward.

    pip install torch==2.15.0 transformers==5.24.0
    python decoders.py > decoders.jsonl
"""

import copy
import json
import random

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM, logging

CASES, TOKENS, SEED = 252, 8, 17
DENSE = ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3", "smollm3", "gemma", "olmo2", "granite", "olmo3"]
DENSE += ["starcoder2", "gpt2", "opt", "stablelm", "gpt_neox", "phi"]
GEMMA = ["gemma2", "gemma3_text"]
# Classes that read `layer_types`; the others have layers that are all alike.
LISTS_LAYERS = ["qwen2", "qwen3", "qwen2_moe", "smollm3", "olmo3", *GEMMA]
# Classes that pad by default with a token that so few do not have.
PADS_WITH_MORE = ["phi3", "smollm3", "olmo2", "olmo3"]
ALL = DENSE + ["mixtral", "qwen2_moe", "qwen3_moe"]

logging.set_verbosity_error()
draw = random.Random(SEED)


def below(largest):
    return draw.randint(1, largest)


def maybe(fields, name, value, chance=0.5):
    if draw.random() < chance:
        fields[name] = value


def rotary_positions(fields):
    """Turns some of the pairs of a head, by factors of their own or by none."""
    width = fields["hidden_size"] // fields["num_attention_heads"]
    pairs = below(width // 2)
    if pairs < width // 2:
        # Half a pair more than there are is rounded away.
        fields["partial_rotary_factor"] = (2 * pairs + 0.5) / width
    if draw.random() < 0.5:
        factors = {key: [1 + draw.random() for _ in range(pairs)] for key in ("short_factor", "long_factor")}
        fields["rope_scaling"] = {"type": "longrope", **factors}
        maybe(fields, "original_max_position_embeddings", draw.choice([4, 8, 4096]))


def gpt2():
    """Its class has names of its own for what others share, and takes the shared ones as well."""
    own = ["n_embd", "n_head", "n_layer", "n_positions"]
    shared = ["hidden_size", "num_attention_heads", "num_hidden_layers", "max_position_embeddings"]
    width, head, layer, positions = own if draw.random() < 0.7 else shared
    heads = below(6)
    fields = {"model_type": "gpt2", width: heads * below(9), head: heads, layer: below(5), "vocab_size": below(60)}
    maybe(fields, positions, TOKENS - 1 + below(40), 0.8)
    maybe(fields, "n_inner", draw.choice([None, below(40)]), 0.7)
    maybe(fields, "tie_word_embeddings", draw.random() < 0.5)
    return fields


def opt():
    """Its table of positions has two rows more than it has positions."""
    heads = below(6)
    fields = {"model_type": "opt", "hidden_size": heads * below(9), "num_attention_heads": heads}
    fields |= {"num_hidden_layers": below(5), "vocab_size": below(60), "pad_token_id": None}
    maybe(fields, "max_position_embeddings", TOKENS - 1 + below(40), 0.8)
    maybe(fields, "ffn_dim", below(40), 0.7)
    maybe(fields, "enable_bias", draw.random() < 0.5, 0.7)
    maybe(fields, "dropout", 0.0)
    maybe(fields, "tie_word_embeddings", draw.random() < 0.5)
    return fields


def gpt_neox():
    """All heads are as wide as the model, and half a pair more than are turned is rounded away."""
    heads, width = below(6), 2 * below(8)
    fields = {"model_type": "gpt_neox", "hidden_size": heads * width, "num_attention_heads": heads}
    fields |= {"intermediate_size": below(40), "num_hidden_layers": below(5), "vocab_size": below(60)}
    part = min(1, (2 * below(width // 2) + 0.5) / width)
    # A quarter of a narrow head is no pair.
    maybe(fields, "rotary_pct", part, 1 if width % 8 else 0.7)
    maybe(fields, "rotary_emb_base", draw.choice([500, 10000]))
    maybe(fields, "use_parallel_residual", draw.random() < 0.5, 0.7)
    maybe(fields, "attention_bias", draw.random() < 0.5, 0.7)
    maybe(fields, "hidden_act", draw.choice(["gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "relu"]), 0.7)
    maybe(fields, "hidden_dropout", 0.1)
    maybe(fields, "tie_word_embeddings", draw.random() < 0.5)
    return fields


def configuration(kind):
    if kind == "gpt2":
        return gpt2()
    if kind == "opt":
        return opt()
    if kind == "gpt_neox":
        return gpt_neox()
    heads = draw.choice([4, 8, 16, 32])
    layers = below(5)
    fields = {
        "model_type": kind,
        "hidden_size": heads * 2 * below(4),
        "intermediate_size": below(40),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "vocab_size": below(60),
    }
    # Left out, a class may have more of them than there are heads, which is refused.
    maybe(fields, "num_key_value_heads", draw.choice([1, 2, 4]), 0.6 if heads == 32 else 1)
    maybe(fields, "head_dim", 2 * below(8), 0.4)
    maybe(fields, "tie_word_embeddings", draw.random() < 0.5)
    if kind in PADS_WITH_MORE:
        fields["pad_token_id"] = None
    if kind == "phi3":
        # This class checks factors by the width that heads have where none is stated.
        fields.pop("head_dim", None)
        maybe(fields, "sliding_window", draw.choice([None, below(9)]))
        maybe(fields, "resid_pdrop", 0.1)
        rotary_positions(fields)
    if kind == "stablelm":
        # All heads are as wide as the model, and a class without key and value heads has 32 of them.
        fields.pop("head_dim", None)
        if heads != 32:
            fields.setdefault("num_key_value_heads", 1)
        maybe(fields, "use_qkv_bias", draw.random() < 0.6)
        maybe(fields, "hidden_dropout", 0.1)
        width = fields["hidden_size"] // heads
        # Half a pair more than there are is rounded away.
        fields["partial_rotary_factor"] = min(1, (2 * below(width // 2) + 0.5) / width)
    if kind == "phi":
        # Its head has a bias, and is no embedding.
        fields.pop("tie_word_embeddings", None)
        width = fields.get("head_dim", fields["hidden_size"] // heads)
        fields["partial_rotary_factor"] = min(1, (2 * below(width // 2) + 0.5) / width)
        maybe(fields, "hidden_act", draw.choice(["gelu", "gelu_new", "gelu_fast", "relu"]))
        maybe(fields, "resid_pdrop", 0.1)
    if kind == "starcoder2":
        maybe(fields, "use_bias", draw.random() < 0.5, 0.7)
        maybe(fields, "norm_epsilon", draw.choice([1e-6, 1e-3]))
        maybe(fields, "residual_dropout", 0.1)
        maybe(fields, "sliding_window", draw.choice([None, below(9)]), 0.8)
    if kind in ("mistral", "mixtral"):
        maybe(fields, "sliding_window", draw.choice([None, below(9)]))
    if kind in ("olmo3", *GEMMA):
        maybe(fields, "sliding_window", below(9))
    if kind.startswith("qwen"):
        maybe(fields, "use_sliding_window", draw.random() < 0.8, 0.8)
        maybe(fields, "sliding_window", below(9), 0.7)
        maybe(fields, "max_window_layers", draw.randint(0, 6), 0.7)
    if kind == "smollm3":
        maybe(fields, "use_sliding_window", draw.random() < 0.8, 0.8)
        maybe(fields, "sliding_window", below(9), 0.7)
        maybe(fields, "no_rope_layer_interval", below(4))
        maybe(fields, "no_rope_layers", [draw.randint(0, 1) for _ in range(layers)], 0.3)
    slides = kind in ("olmo3", *GEMMA) or fields.get("use_sliding_window")
    if kind == "smollm3" and "sliding_window" not in fields:
        # This class has no window by default.
        slides = False
    if kind in LISTS_LAYERS and slides:
        types = ["full_attention", "sliding_attention"]
        maybe(fields, "layer_types", [draw.choice(types) for _ in range(layers)], 0.3)
    if kind == "gemma3_text":
        maybe(fields, "sliding_window_pattern", below(4))
    if kind in ("llama", "qwen3", "qwen3_moe", "smollm3", "gemma", "olmo2", "granite", "olmo3", *GEMMA):
        maybe(fields, "attention_bias", draw.random() < 0.6)
    if kind in ("llama", "smollm3", "granite"):
        maybe(fields, "mlp_bias", draw.random() < 0.6)
    if kind == "granite":
        for factor in ("embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"):
            maybe(fields, factor, draw.choice([1, 0.25, 12.0]))
    if kind in DENSE:
        return fields
    experts = below(6)
    fields["num_local_experts" if kind == "mixtral" else "num_experts"] = experts
    fields["num_experts_per_tok"] = below(experts)
    if kind == "mixtral":
        return fields
    fields["moe_intermediate_size"] = below(20)
    maybe(fields, "decoder_sparse_step", below(3))
    maybe(fields, "mlp_only_layers", draw.choice([None, [], [below(layers) - 1]]))
    if kind == "qwen2_moe":
        fields["shared_expert_intermediate_size"] = below(20)
        maybe(fields, "qkv_bias", draw.random() < 0.6)
    return fields


def windows(config, kind):
    if kind in ("llama", "gemma", "olmo2", "granite", "gpt2", "opt", "stablelm", "gpt_neox", "phi"):
        return [None] * config.num_hidden_layers
    if kind in LISTS_LAYERS:
        slides = [one == "sliding_attention" for one in config.layer_types]
    else:
        slides = [True] * config.num_hidden_layers
    return [config.sliding_window if one else None for one in slides]


def flops(run):
    with FlopCounterMode(display=False) as counter:
        result = run()
    return counter.get_total_flops(), result


for case in range(CASES):
    kind = ALL[case % len(ALL)]
    fields = configuration(kind)
    config = AutoConfig.for_model(**copy.deepcopy(fields))
    experts = {} if kind in DENSE else {"experts_implementation": "eager"}
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", **experts)
    tokens = torch.zeros(1, TOKENS, dtype=torch.long)
    forward, result = flops(lambda: model(input_ids=tokens, use_cache=False))
    backward, _ = flops(lambda: result.logits.sum().backward())
    answer = {
        "config": fields,
        "parameters": sum(one.numel() for one in model.parameters()),
        "windows": windows(config, kind),
        "forward": forward,
        "backward": backward,
    }
    print(json.dumps(answer))
