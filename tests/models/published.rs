//! Published formulas against known answers: the integers that the public functions themselves gave, for
//! Qwen2.5-0.5B and 7B at 1 x 512 and 4 x 2048, full and with adapters, and for two mixtures of experts.

use flopmeter::{
    family::decoder::{DecoderConfig, FAMILY, Recipe, Tokens},
    published::{FormulaRow, Judged, formulas, judge},
};
use serde_json::{Value, json};

/// The shapes of the tables below, column by column.
const SHAPES: [(&str, u32, u32); 4] = [
    ("qwen2.5-0.5b", 1, 512),
    ("qwen2.5-0.5b", 4, 2048),
    ("qwen2.5-7b", 1, 512),
    ("qwen2.5-7b", 4, 2048),
];

/// One full training step.
const FULL: [(&str, [i128; 4]); 52] = [
    ("6nt", [1_517_668_663_296, 24_282_698_612_736, 23_395_173_924_864, 374_322_782_797_824]),
    (
        "kaplan-6nt",
        [1_099_463_000_064, 17_591_408_001_024, 20_046_710_046_720, 320_747_360_747_520],
    ),
    (
        "hf-trainer",
        [1_099_463_000_064, 17_591_408_001_024, 21_720_941_985_792, 347_535_071_772_672],
    ),
    ("ms-swift", [1_099_463_000_064, 17_591_408_001_024, 21_720_941_985_792, 347_535_071_772_672]),
    (
        "kaplan-literal",
        [913_217_421_312, 16_234_976_378_880, 16_257_524_957_184, 267_696_721_625_088],
    ),
    ("kaplan", [1_133_285_867_520, 19_756_071_518_208, 20_204_550_094_848, 330_849_123_827_712]),
    (
        "chinchilla",
        [1_784_244_338_688, 31_832_955_420_672, 19_765_678_571_520, 331_492_286_791_680],
    ),
    (
        "chinchilla-layers",
        [947_833_012_224, 18_450_374_197_248, 16_417_214_693_376, 277_916_864_741_376],
    ),
    (
        "chinchilla-gqa",
        [2_004_092_977_152, 35_350_533_636_096, 23_711_679_774_720, 394_628_306_042_880],
    ),
    ("palm", [1_585_314_398_208, 28_612_025_647_104, 23_710_854_021_120, 394_526_308_958_208]),
    ("oumi", [1_585_314_398_208, 28_612_025_647_104, 23_710_854_021_120, 394_526_308_958_208]),
    (
        "llm-foundry",
        [1_585_314_398_208, 28_612_025_647_104, 23_710_854_021_120, 394_526_308_958_208],
    ),
    ("nanogpt", [1_585_314_398_208, 28_612_025_647_104, 23_710_854_021_120, 394_526_308_958_208]),
    (
        "megatron-2021",
        [1_455_440_265_216, 27_616_371_277_824, 19_773_224_124_416, 336_575_112_151_040],
    ),
    ("gpt-neox", [1_091_580_198_912, 20_712_278_458_368, 14_829_918_093_312, 252_431_334_113_280]),
    (
        "colossalai",
        [1_091_580_198_912, 20_712_278_458_368, 14_829_918_093_312, 252_431_334_113_280],
    ),
    (
        "korthikanti",
        [1_196_131_614_720, 22_385_101_111_296, 15_248_476_078_080, 259_128_261_869_568],
    ),
    (
        "korthikanti-selective",
        [1_263_777_349_632, 26_714_428_145_664, 15_564_156_174_336, 279_331_788_029_952],
    ),
    (
        "deepseek-llm",
        [777_925_951_488, 15_693_810_499_584, 13_574_244_139_008, 232_340_550_844_416],
    ),
    (
        "scaling-book",
        [1_686_563_192_832, 30_232_006_361_088, 23_929_678_725_120, 398_027_504_222_208],
    ),
    (
        "megatron-lm",
        [1_551_271_723_008, 26_443_845_206_016, 21_877_758_099_456, 357_620_451_901_440],
    ),
    (
        "megatron-bridge",
        [1_551_271_723_008, 26_443_845_206_016, 21_877_758_099_456, 357_620_451_901_440],
    ),
    ("maxtext", [1_551_271_723_008, 26_443_845_206_016, 21_877_758_099_456, 357_620_451_901_440]),
    ("nemo", [1_551_271_723_008, 26_443_845_206_016, 21_877_758_099_456, 357_620_451_901_440]),
    ("automodel", [1_551_271_723_008, 26_443_845_206_016, 21_877_758_099_456, 357_620_451_901_440]),
    ("slime", [1_551_271_723_008, 26_443_845_206_016, 21_877_758_099_456, 357_620_451_901_440]),
    ("primus", [1_551_271_723_008, 26_443_845_206_016, 21_877_758_099_456, 357_620_451_901_440]),
    ("nanochat", [1_585_094_590_464, 28_608_508_723_200, 22_035_598_147_584, 367_722_214_981_632]),
    ("veomni", [1_585_094_590_464, 28_608_508_723_200, 22_035_598_147_584, 367_722_214_981_632]),
    ("prime-rl", [1_585_094_590_464, 28_608_508_723_200, 22_035_598_147_584, 367_722_214_981_632]),
    ("nanotron", [1_585_094_590_464, 28_608_508_723_200, 22_035_598_147_584, 367_722_214_981_632]),
    ("w-whole", [1_585_094_590_464, 28_608_508_723_200, 22_035_598_147_584, 367_722_214_981_632]),
    (
        "torchtitan",
        [1_585_314_398_208, 28_612_025_647_104, 22_036_622_082_048, 367_738_597_933_056],
    ),
    (
        "torchtitan-transformers-2026-08",
        [1_551_491_530_752, 26_447_362_129_920, 23_553_013_972_992, 384_424_545_878_016],
    ),
    ("verl", [1_969_477_386_240, 33_135_135_817_728, 23_551_990_038_528, 384_408_162_926_592]),
    (
        "verl-2026-01",
        [2_003_300_253_696, 35_299_799_334_912, 23_709_830_086_656, 394_509_926_006_784],
    ),
    (
        "nemo-rl-qwen2",
        [1_652_740_325_376, 28_067_342_843_904, 23_771_838_676_992, 387_925_741_142_016],
    ),
    ("litgpt", [1_630_411_554_816, 31_498_243_670_016, 23_921_307_418_624, 407_995_326_398_464]),
    ("olmo-core", [1_585_182_277_632, 28_609_911_717_888, 22_036_005_519_360, 367_728_732_930_048]),
    ("levanter", [1_585_887_313_920, 28_659_243_024_384, 22_037_447_835_648, 367_840_595_017_728]),
    ("cookbook", [1_052_621_144_064, 20_088_933_580_800, 16_657_769_562_112, 281_676_957_614_080]),
    (
        "cookbook-default",
        [1_357_026_951_168, 26_041_758_253_056, 22_024_331_198_464, 372_592_825_335_808],
    ),
    ("trl", [1_585_094_590_464, 28_608_508_723_200, 23_709_830_086_656, 394_509_926_006_784]),
    ("lingua", [1_138_923_012_096, 20_116_848_771_072, 21_905_088_708_608, 359_320_462_032_896]),
    (
        "llama-factory",
        [1_375_991_758_848, 25_262_863_417_344, 22_035_598_147_584, 367_722_214_981_632],
    ),
    (
        "accelerate",
        [1_031_748_452_352, 19_754_970_513_408, 17_836_630_081_536, 300_538_725_924_864],
    ),
    (
        "megatron-deepspeed",
        [1_568_183_156_736, 28_337_925_783_552, 21_719_918_051_328, 362_671_333_441_536],
    ),
    ("xtuner", [1_652_740_325_376, 28_067_342_843_904, 23_771_838_676_992, 387_925_741_142_016]),
    (
        "open-instruct",
        [1_586_330_861_568, 28_679_023_362_048, 22_038_879_141_888, 367_893_090_926_592],
    ),
    ("picotron", [5_846_995_697_664, 93_551_931_162_624, 43_598_700_085_248, 697_579_201_363_968]),
    (
        "flop-counter-mode-fused",
        [1_596_368_879_616, 29_330_063_228_928, 22_088_211_496_960, 371_089_469_341_696],
    ),
    (
        "flop-counter-mode",
        [1_585_094_590_464, 28_608_508_723_200, 22_035_598_147_584, 367_722_214_981_632],
    ),
];

/// The forward pass.
const FORWARD: [(&str, [i128; 4]); 11] = [
    (
        "kaplan-literal-forward",
        [304_405_807_104, 5_411_658_792_960, 5_419_174_985_728, 89_232_240_541_696],
    ),
    (
        "kaplan-forward",
        [377_761_955_840, 6_585_357_172_736, 6_734_850_031_616, 110_283_041_275_904],
    ),
    (
        "chinchilla-forward",
        [594_748_112_896, 10_610_985_140_224, 6_588_559_523_840, 110_497_428_930_560],
    ),
    (
        "levanter-forward",
        [528_629_104_640, 9_553_081_008_128, 7_345_815_945_216, 122_613_531_672_576],
    ),
    (
        "flop-counter-mode-forward",
        [528_364_863_488, 9_536_169_574_400, 7_345_199_382_528, 122_574_071_660_544],
    ),
    (
        "deepspeed-profiler",
        [528_512_712_704, 9_542_763_020_288, 7_345_676_484_608, 122_591_570_296_832],
    ),
    ("calflops", [528_512_712_704, 9_542_763_020_288, 7_345_676_484_608, 122_591_570_296_832]),
    (
        "deepspeed-profiler-sdpa",
        [528_424_632_320, 9_537_125_875_712, 7_345_470_963_712, 122_578_416_959_488],
    ),
    ("calflops-sdpa", [505_876_054_016, 8_094_016_864_256, 7_240_244_264_960, 115_843_908_239_360]),
    ("fvcore", [264_182_431_744, 4_768_084_787_200, 3_672_599_691_264, 61_287_035_830_272]),
    ("fvcore-sdpa", [252_908_142_592, 4_046_530_281_472, 3_619_986_341_888, 57_919_781_470_208]),
];

/// One training step of adapters of rank 8 on q_proj and v_proj; of a fraction, its whole part.
const ADAPTERS: [(&str, [i128; 4]); 9] = [
    (
        "hf-trainer",
        [1_101_123_944_448, 17_617_983_111_168, 21_728_693_059_584, 347_659_088_953_344],
    ),
    ("veomni", [1_080_939_249_664, 20_542_023_270_400, 14_803_376_537_600, 252_006_669_221_888]),
    ("prime-rl", [1_080_939_249_664, 20_542_023_270_400, 14_803_376_537_600, 252_006_669_221_888]),
    (
        "automodel-lora",
        [1_034_747_055_253, 17_638_876_897_371, 14_587_588_178_817, 238_453_129_106_979],
    ),
    (
        "lora-two-thirds",
        [1_056_729_726_976, 19_072_339_148_800, 14_690_398_765_056, 245_148_143_321_088],
    ),
    (
        "megatron-bridge-lora",
        [1_079_278_305_280, 20_515_448_160_256, 14_795_625_463_808, 251_882_652_041_216],
    ),
    (
        "megatron-bridge",
        [1_551_271_723_008, 26_443_845_206_016, 21_877_758_099_456, 357_620_451_901_440],
    ),
    ("litgpt", [1_126_182_944_768, 23_430_585_909_248, 16_130_667_184_128, 283_345_082_646_528]),
    (
        "llama-factory",
        [1_375_991_758_848, 25_262_863_417_344, 22_035_598_147_584, 367_722_214_981_632],
    ),
];

fn decoder(name: &str, changes: &[(&str, Value)]) -> DecoderConfig {
    let mut object = DecoderConfig::resolve::<&str>(name, &[]).unwrap().to_json();
    for (field, value) in changes {
        object.insert((*field).to_owned(), value.clone());
    }
    DecoderConfig::from_json(&object).unwrap()
}

fn of<'a>(judged: &'a Judged, id: &str) -> &'a FormulaRow {
    judged.rows.iter().find(|row| row.id == id).unwrap()
}

/// Every mismatch at once, so that one run tells all.
fn hold(answers: &[(&str, [i128; 4])], changes: &[(&str, Value)]) {
    let mut wrong = String::new();
    for (column, (name, batch, seq)) in SHAPES.into_iter().enumerate() {
        let config = decoder(name, changes);
        let judged = judge(&config, &Tokens::new(batch, seq), Recipe::default());
        for (id, values) in answers {
            // nanoGPT's rule is about models that tie, as the 0.5B model does.
            let row = of(&judged, id);
            if *id == "nanogpt" && !config.tie_word_embeddings {
                assert!(!row.applies);
                continue;
            }
            let (known, value) = (values[column], row.value);
            if value != Some(known) {
                let off = value.map(|value| value - known);
                wrong += &format!("{id} {name} {batch} x {seq}: {value:?}, not {known}: {off:?}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn full_steps_have_their_known_answers() {
    hold(&FULL, &[]);
}

#[test]
fn forward_passes_have_their_known_answers() {
    hold(&FORWARD, &[]);
}

#[test]
fn steps_of_adapters_have_their_known_answers() {
    hold(&ADAPTERS, &[("lora_rank", json!(8))]);
}

#[test]
fn mixtures_have_their_known_answers() {
    let qwen = json!({
        "model_type": "qwen2_moe", "hidden_size": 2048, "num_hidden_layers": 24,
        "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": 5632,
        "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "num_experts": 60,
        "num_experts_per_tok": 4, "vocab_size": 151936
    });
    let qwen = DecoderConfig::from_json(qwen.as_object().unwrap()).unwrap();
    let [mixtral, qwen] = [decoder("mixtral-8x7b", &[]), qwen]
        .map(|config| judge(&config, &Tokens::new(1, 4096), Recipe::default()));
    let known = [
        (&mixtral, "megatron-lm", 326_477_644_038_144),
        (&mixtral, "megatron-bridge", 326_477_644_038_144),
        (&mixtral, "maxtext-shared", 326_503_413_841_920),
        (&mixtral, "maxtext", 326_503_413_841_920),
        (&mixtral, "nemo", 326_477_644_038_144),
        (&mixtral, "automodel", 326_477_644_038_144),
        (&mixtral, "veomni", 339_697_553_375_232),
        (&mixtral, "w-whole", 339_697_553_375_232),
        (&mixtral, "flop-counter-mode", 339_697_553_375_232),
        (&mixtral, "levanter", 339_852_172_197_888),
        (&qwen, "megatron-lm", 63_309_965_426_688),
        (&qwen, "maxtext-shared", 63_382_442_999_808),
        (&qwen, "maxtext", 42_972_758_409_216),
        (&qwen, "verl", 50_619_947_679_744),
        (&qwen, "veomni", 47_920_560_734_208),
        (&qwen, "w-whole", 68_331_453_284_352),
    ];
    for (judged, id, value) in known {
        assert_eq!(of(judged, id).value, Some(value), "{id}");
    }
    assert!(of(&mixtral, "verl").why_not.as_ref().unwrap().contains("mixtral"));
    assert!(of(&qwen, "automodel").why_not.as_ref().unwrap().contains("fallback"));
    assert!(of(&mixtral, "mla").why_not.as_ref().unwrap().contains("MLA"));
}

/// Every preset, full and with adapters, with and without recomputation in micro-batches, at a short and a long
/// sequence.
fn cases() -> Vec<(String, DecoderConfig, Tokens, Recipe)> {
    let names = FAMILY.presets.iter().map(|(name, _)| *name);
    let mut cases = Vec::new();
    for name in names {
        for changes in [
            vec![],
            vec![("lora_rank", json!(8))],
            vec![("lora_rank", json!(4)), ("lora_targets", json!("all-linear"))],
        ] {
            for (recompute, seq, micro_batches) in
                [(false, 512, 1), (true, 512, 2), (false, 8192, 1)]
            {
                let training = Recipe { recompute, micro_batches, ..Recipe::default() };
                let what = format!("{name} {changes:?} {training:?} seq {seq}");
                cases.push((what, decoder(name, &changes), Tokens::new(2, seq), training));
            }
        }
    }
    cases
}

#[test]
fn causes_add_up_to_the_flop_everywhere() {
    for (what, config, tokens, training) in cases() {
        let judged = judge(&config, &tokens, training);
        assert_eq!(judged.rows.len(), formulas().count());
        for row in &judged.rows {
            let Some((value, exact)) = row.value.zip(row.exact) else {
                assert!(!row.applies && row.why_not.is_some() && row.causes.is_empty(), "{what}");
                continue;
            };
            assert!(row.applies && value > 0 && exact > 0, "{what}: {}", row.id);
            let sum: i128 = row.causes.iter().map(|cause| cause.flops).sum();
            assert_eq!(sum, value - exact, "{what}: {} {:#?}", row.id, row.causes);
            assert!(row.causes.iter().all(|cause| cause.flops != 0 && !cause.text.is_empty()));
        }
    }
}

/// The reasons of a formula on a case.
fn reasons(id: &str, name: &str, changes: &[(&str, Value)]) -> Vec<String> {
    let judged = judge(&decoder(name, changes), &Tokens::new(1, 512), Recipe::default());
    of(&judged, id).causes.iter().map(|cause| cause.text.clone()).collect()
}

#[test]
fn reasons_are_given_where_they_hold_and_nowhere_else() {
    let says = |id: &str, name: &str, changes: &[(&str, Value)], part: &str| {
        reasons(id, name, changes).iter().any(|text| text.contains(part))
    };
    // The head is lost where it is tied, and only there.
    assert!(says("hf-trainer", "qwen2.5-0.5b", &[], "is lost"));
    assert!(!says("hf-trainer", "qwen2.5-7b", &[], "head"));
    // Whole numbers: two kinds of heads to seven vanish, one to one do not.
    assert!(says("megatron-deepspeed", "qwen2.5-0.5b", &[], "forgotten"));
    let equal = [("num_key_value_heads", json!(14))];
    assert!(!says("megatron-deepspeed", "qwen2.5-0.5b", &equal, "forgotten"));
    assert!(says("nemo-rl-qwen2", "qwen2.5-0.5b", &[], "grouped queries are ignored"));
    assert!(says("verl", "qwen2.5-0.5b", &[], "look-up"));
    assert!(says("gpt-neox", "qwen2.5-0.5b", &[], "4.5"));
    assert!(says("kaplan-literal", "qwen2.5-0.5b", &[], "two matrices"));
    assert!(says("palm", "qwen2.5-0.5b", &[], "whole square"));
    assert!(says("palm", "qwen2.5-0.5b", &[], "biases are charged as if"));
    assert!(!says("palm", "llama-3.1-8b", &[], "biases"));
    assert!(says("palm", "qwen2.5-0.5b", &[], "not charged: the optimizer"));
    assert!(says("megatron-2021", "qwen2.5-0.5b", &[], "no layer is recomputed"));
    assert!(says("megatron-lm", "mixtral-8x7b", &[], "router"));
    let adapters = [("lora_rank", json!(8))];
    assert!(says("megatron-lm", "qwen2.5-0.5b", &adapters, "frozen weights"));
    assert!(!says("veomni", "qwen2.5-0.5b", &adapters, "frozen weights"));
    assert!(says("veomni", "qwen2.5-0.5b", &adapters, "in front of the first adapter"));
    assert!(!says("megatron-lm", "qwen2.5-0.5b", &[], "frozen weights"));
}

#[test]
fn names_are_unique_and_the_farthest_off_come_first() {
    let mut ids: Vec<&str> = formulas().map(|formula| formula.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let judged = judge(&decoder("llama-3.1-8b", &[]), &Tokens::new(1, 4096), Recipe::default());
    let errors: Vec<f64> =
        judged.rows.iter().filter_map(|row| Some(row.ratio?.ln().abs())).collect();
    assert!(errors.is_sorted_by(|a, b| a >= b), "{errors:?}");
}

/// `docs/formulas.md` is what the program makes of its formulas; with `UPDATE_DOCS` set it is written anew.
#[test]
fn the_public_table_is_the_programs() {
    let made = flopmeter::format::markdown::render(&flopmeter::page::trial::page().unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formulas.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    let different = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
    assert!(
        different.is_none() && made.lines().count() == kept.lines().count(),
        "docs/formulas.md is out of date; run this test with UPDATE_DOCS=1: {different:?}"
    );
}
