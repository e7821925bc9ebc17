//! Faults that were found in public code while its formulas were executed, each with the line of reasoning
//! and an input that shows it. They are named so that they can be mended; a repository's head may have moved
//! since the commit that was looked at.

/// A fault in a published formula.
pub struct Fault {
    /// The formula.
    pub id: &'static str,
    /// What is amiss and why.
    pub text: &'static str,
    /// The preset, batch and sequence that show it.
    pub shown_by: (&'static str, u32, u32),
    /// The rank of adapters on queries and values, where the fault is about adapters.
    pub lora_rank: Option<u32>,
    /// What the cause that states the fault says.
    pub cause: &'static str,
}

/// Every fault.
pub const FAULTS: &[Fault] = &[
    Fault {
        id: "litgpt",
        text: "estimate_flops adds the attention of a forward and backward pass to the sum of trained \
               parameters, and attention of two passes more to that of frozen ones. A model has one \
               attention whatever is frozen: 12 L H S^2, where the sum has 20, also where nothing is frozen.",
        shown_by: ("qwen2.5-0.5b", 4, 2048),
        lora_rank: None,
        cause: "stands in the sum",
    },
    Fault {
        id: "megatron-deepspeed",
        text: "throughput_calculator divides 2 // (n/k) in whole numbers, for the widths of keys and values \
               together. With more than two query heads to a key head the quotient is 0, and both \
               projections vanish; 2 / (n/k) is meant.",
        shown_by: ("qwen2.5-7b", 1, 512),
        lora_rank: None,
        cause: "forgotten",
    },
    Fault {
        id: "cookbook",
        text: "calc_transformer_flops.py reads the option ffn-hidden-size and does not use it: the width of the MLP \
               is a whole number of H, 4 by default. It also adds the head after the factor for backward \
               passes, so that the head counts once instead of three times.",
        shown_by: ("qwen2.5-0.5b", 1, 512),
        lora_rank: None,
        cause: "forward pass alone",
    },
    Fault {
        id: "accelerate",
        text: "The example's projections are 12 d (n + k) a token and layer: the product with H is missing, \
               so that attention's four matrices count next to nothing. The head is left out.",
        shown_by: ("llama-3.1-8b", 1, 512),
        lora_rank: None,
        cause: "lacks its factor H",
    },
    Fault {
        id: "gpt-neox",
        text: "The term V / 16 L H stands in a bracket that is multiplied by 96 where activations are \
               recomputed, and gives 6 B S H V there. Multiplied by 72, for three passes, it gives 4.5; \
               the head is not recomputed, so that V / 12 L H belongs to three passes.",
        shown_by: ("llama-3.2-1b", 1, 512),
        lora_rank: None,
        cause: "4.5",
    },
    Fault {
        id: "colossalai",
        text: "As GPT-NeoX: V / 16 L H with the factor of three passes.",
        shown_by: ("llama-3.2-1b", 1, 512),
        lora_rank: None,
        cause: "4.5",
    },
    Fault {
        id: "llama-factory",
        text: "cal_mfu.py counts a tied head as T H V a pass, without the factor 2 of a multiply-add. It \
               counts every run as full training, while its default finetuning_type is lora.",
        shown_by: ("qwen2.5-0.5b", 1, 512),
        lora_rank: None,
        cause: "factor 2",
    },
    Fault {
        id: "llama-factory",
        text: "The same function with its default, adapters.",
        shown_by: ("qwen2.5-7b", 1, 512),
        lora_rank: Some(8),
        cause: "frozen weights",
    },
    Fault {
        id: "nemo-rl-qwen2",
        text: "The function for qwen2 has 4 H^2 for the projections: keys and values as wide as queries. \
               Those for llama and qwen3 beside it take grouped queries into account.",
        shown_by: ("qwen2.5-7b", 1, 512),
        lora_rank: None,
        cause: "grouped queries",
    },
    Fault {
        id: "xtuner",
        text: "throughput_hook.py has 8 T H^2 for the projections, keys and values as wide as queries.",
        shown_by: ("llama-3.1-8b", 1, 512),
        lora_rank: None,
        cause: "grouped queries",
    },
    Fault {
        id: "picotron",
        text: "Attention's square is that of max_position_embeddings, the longest sequence that the model \
               was trained for, whatever sequence runs.",
        shown_by: ("qwen2.5-0.5b", 1, 512),
        lora_rank: None,
        cause: "max_position_embeddings",
    },
    Fault {
        id: "hf-trainer",
        text: "floating_point_ops leaves out the parameters of the embedding. Where the head shares them \
               it is left out too, although it is a matrix product, in a small model the largest.",
        shown_by: ("qwen2.5-0.5b", 1, 512),
        lora_rank: None,
        cause: "is lost",
    },
    Fault {
        id: "hf-trainer",
        text: "Frozen parameters count as trained ones, and adapters on top of them.",
        shown_by: ("qwen2.5-7b", 1, 512),
        lora_rank: Some(8),
        cause: "frozen weights",
    },
    Fault {
        id: "lingua",
        text: "V H is subtracted for the embedding; of a tied model that is the head.",
        shown_by: ("llama-3.2-1b", 1, 512),
        lora_rank: None,
        cause: "is lost",
    },
    Fault {
        id: "verl",
        text: "The vocabulary counts 2 V H, for embedding and head: the embedding is looked up, not \
               multiplied. Pull request 4173 is about it.",
        shown_by: ("qwen2.5-0.5b", 1, 512),
        lora_rank: None,
        cause: "look-up",
    },
    Fault {
        id: "automodel-lora",
        text: "(2 + P/N) / 3 of the whole step shrinks attention's products too, of which adapters save \
               nothing but in the lowest layer.",
        shown_by: ("qwen2.5-0.5b", 4, 2048),
        lora_rank: Some(8),
        cause: "shrunk by the factor",
    },
];
