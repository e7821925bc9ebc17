// Continued in attention_subgroup.wgsl, with attention_shares_4.wgsl for attention_shares.wgsl.
//
// The attention of attention_subgroup.wgsl for adapters with subgroups of four lanes: teams of four have 16 rows and meet
// the same blocks of 32. On SwiftShader that makes attention 1.5 times as fast where sequences are long.
