//! Races: which invocation touched a place since when, and whether another touches it now. Only a kernel
//! that was lowered to be watched executes the instructions that end here; any other pays nothing.
//!
//! For each unit of memory that the kernel writes and each kind of access, the first access of the dispatch is kept, and
//! two by different lanes since the last barrier, of different subgroups where there are such. Workgroups run one after
//! the other here, so that is enough to see a race at every place that has one, though not each of its pairs of lines.

use std::collections::BTreeMap;

use flopmeter_core::keyed::keyed;
use naga::Barrier;

use super::{
    memory::Words,
    program::{Memory, Program},
    texel::{self, TEXEL_BYTES},
};
use crate::execute::{Access, Between, Race};

/// Bytes of notes that may be kept on the memory of a dispatch.
const MAX_BYTES: usize = 4 << 30;

/// Kinds of memory, by the barriers that order accesses to them.
const KINDS: [Barrier; 3] = [Barrier::STORAGE, Barrier::TEXTURE, Barrier::WORK_GROUP];
const STORAGE: usize = 0;
const TEXTURE: usize = 1;
const WORK_GROUP: usize = 2;

/// One access: when, by which lane, where in the program.
#[derive(Clone, Copy, Default)]
struct Touch {
    /// How many barriers there were before it, over all workgroups; 0 where there was no access.
    at: u32,
    lane: u32,
    site: u32,
}

/// The accesses of one kind to a unit.
#[derive(Clone, Copy, Default)]
struct Touches {
    first: Touch,
    latest: [Touch; 2],
}

/// Notes on adjacent memory.
struct Region {
    /// Its first and last address, in bytes.
    start: usize,
    end: usize,
    /// Of each unit its touches, by kind of access.
    touches: Vec<Touches>,
}

/// A pair of accesses: their sites and what they do.
type Pair = ([(u32, Access); 2], Between);

/// Watches a launch.
pub(super) struct Races<'a> {
    program: &'a Program,
    /// Bytes of a unit: the smallest access of the kernel.
    unit: usize,
    regions: Vec<Region>,
    /// Of each memory that is watched, its region and its first unit there.
    places: Vec<Option<(usize, usize)>>,
    /// Of each memory, its place in [`KINDS`].
    kinds: Vec<usize>,
    /// Kinds of accesses that the kernel has, in the order in which a unit has them: most kernels have two.
    accesses: Vec<Access>,
    /// Of each memory that is a texture its extents, and bytes of a texel in its format.
    textures: BTreeMap<usize, (Vec<u32>, u64)>,
    /// The barriers so far.
    now: u32,
    /// When the workgroup began, and its last barriers for memory of each of [`KINDS`].
    group: u32,
    last: [u32; KINDS.len()],
    /// The last barrier of each subgroup by itself.
    subgroups: Vec<u32>,
    /// How often each was seen, and where first: memory and byte.
    found: BTreeMap<Pair, (u64, usize, usize)>,
}

impl<'a> Races<'a> {
    /// Watches what a program writes of the memories it is bound to. Where windows overlap, they are one
    /// memory. `None` where that takes too much.
    pub(super) fn new(program: &'a Program, memories: &[Words<'_>]) -> Option<Self> {
        let watch = program.watch.as_ref()?;
        let unit = watch.unit as usize;
        let mut windows: Vec<(usize, usize, usize)> = memories
            .iter()
            .enumerate()
            .map(|(memory, words)| {
                let start = words.as_ptr() as usize;
                (start, start + 4 * words.len(), memory)
            })
            .collect();
        windows.sort_unstable();
        let mut regions: Vec<Region> = Vec::new();
        let mut of_memory = vec![0; memories.len()];
        let mut written = Vec::new();
        for (start, end, memory) in windows {
            match regions.last_mut().filter(|last| start < last.end) {
                Some(last) => last.end = last.end.max(end),
                None => {
                    regions.push(Region { start, end, touches: Vec::new() });
                    written.push(false);
                }
            }
            of_memory[memory] = regions.len() - 1;
            written[regions.len() - 1] |= watch.written.contains(&memory);
        }
        let units = |region: &Region| (region.end - region.start) / unit;
        let all: usize =
            regions.iter().zip(&written).map(|(r, written)| usize::from(*written) * units(r)).sum();
        let accesses: Vec<Access> = watch.accesses.iter().copied().collect();
        if all > MAX_BYTES / (accesses.len().max(1) * size_of::<Touches>()) {
            return None;
        }
        for (region, written) in regions.iter_mut().zip(&written) {
            if *written {
                region.touches = vec![Touches::default(); units(region) * accesses.len()];
            }
        }
        let place = |(words, region): (&Words<'_>, usize)| {
            let first = (words.as_ptr() as usize - regions[region].start) / unit;
            written[region].then_some((region, first))
        };
        let kind = |(index, memory): (usize, &Memory)| match memory {
            Memory::WorkGroup => WORK_GROUP,
            Memory::Buffer { .. } if program.textures.contains_key(&index) => TEXTURE,
            Memory::Buffer { .. } | Memory::Immediate => STORAGE,
        };
        let kinds = program.memories.iter().enumerate().map(kind).collect();
        let textures = keyed(program.textures.iter().map(|(&memory, &(axes, bytes))| {
            (memory, (texel::extent(memories[memory], axes), bytes))
        }));
        let places = memories.iter().zip(of_memory).map(place).collect();
        Some(Self {
            program,
            unit,
            regions,
            places,
            kinds,
            accesses,
            textures,
            now: 0,
            group: 0,
            last: [0; KINDS.len()],
            subgroups: vec![0; program.lanes().div_ceil(program.subgroup as usize)],
            found: BTreeMap::new(),
        })
    }

    /// Another workgroup begins.
    pub(super) fn begin(&mut self) {
        self.fence(Barrier::all());
        self.group = self.now;
    }

    /// A barrier of the workgroup, which orders accesses to memory of the kinds that it is for.
    pub(super) fn fence(&mut self, barrier: Barrier) {
        self.now += 1;
        for (kind, last) in KINDS.into_iter().zip(&mut self.last) {
            if barrier.contains(kind) {
                *last = self.now;
            }
        }
    }

    /// A barrier of each subgroup that a lane of `lanes` is in, which orders all accesses among its lanes.
    pub(super) fn fence_subgroups(&mut self, lanes: impl Iterator<Item = usize>) {
        self.now += 1;
        for lane in lanes {
            self.subgroups[lane / self.program.subgroup as usize] = self.now;
        }
    }

    /// A lane touches bytes of a memory.
    pub(super) fn touch(
        &mut self,
        memory: usize,
        [byte, bytes]: [usize; 2],
        access: Access,
        lane: usize,
        site: usize,
    ) {
        let Some((region, first)) = self.places[memory] else { return };
        let kind = self.kinds[memory];
        let (within_group, since) = (kind == WORK_GROUP, self.last[kind]);
        let touch = Touch { at: self.now, lane: lane as u32, site: site as u32 };
        // Subgroups are powers of two: this runs for each access of each invocation.
        let shift = self.program.subgroup.trailing_zeros();
        let subgroup = |touch: &Touch| touch.lane >> shift;
        let own = subgroup(&touch);
        let fenced = self.subgroups[own as usize];
        // Whether a barrier lies between an earlier access and this one.
        let is_ordered =
            |earlier: &Touch| earlier.at < since || earlier.at < fenced && subgroup(earlier) == own;
        let group = self.group;
        // Whether an earlier access was another workgroup's, of this dispatch.
        let is_of_another = |first: &Touch| !within_group && (1..group).contains(&first.at);
        let units = first + byte / self.unit..first + (byte + bytes).div_ceil(self.unit);
        let each = self.accesses.len();
        let touches = units.start * each..units.end * each;
        // Of what is out of bounds nothing is touched.
        let Some(touches) = self.regions[region].touches.get_mut(touches) else { return };
        let Some(own_kind) = self.accesses.iter().position(|its| *its == access) else { return };
        let mut met: [Option<Pair>; Access::ALL.len()] = [None; Access::ALL.len()];
        for unit in touches.chunks_exact_mut(each) {
            for (Touches { first, latest }, &other) in unit.iter().zip(&self.accesses) {
                if !access.races_with(other) {
                    continue;
                }
                let beside = latest.iter().find(|t| !is_ordered(t) && t.lane != touch.lane);
                let elsewhere = Some(first).filter(|first| is_of_another(first));
                if beside.is_none() && elsewhere.is_none() {
                    continue;
                }
                let met = &mut met[other as usize];
                let pair = |earlier: &Touch, between| {
                    let mut pair = [(earlier.site, other), (touch.site, access)];
                    pair.sort_unstable();
                    (pair, between)
                };
                *met = met
                    .or(beside.map(|earlier| pair(earlier, Between::Lanes)))
                    .or(elsewhere.map(|earlier| pair(earlier, Between::Workgroups)));
            }
            let Touches { first, latest } = &mut unit[own_kind];
            if first.at == 0 {
                *first = touch;
            }
            match latest.each_ref().map(is_ordered) {
                // Two lanes of one subgroup say less than two of different ones, since a barrier may yet order the
                // former.
                [false, false] => {
                    let [one, other] = latest.each_ref().map(subgroup);
                    if one == other && one != own {
                        latest[1] = touch;
                    }
                }
                [true, _] if latest[1].lane != touch.lane || is_ordered(&latest[1]) => {
                    latest[0] = touch;
                }
                [false, true] if latest[0].lane != touch.lane => latest[1] = touch,
                [true, _] | [false, true] => {}
            }
        }
        for pair in met.into_iter().flatten() {
            self.found.entry(pair).or_insert((0, memory, byte)).0 += 1;
        }
    }

    /// What was seen, by lines.
    pub(super) fn found(&self) -> Vec<Race> {
        let races = self.found.iter().map(|(([one, two], between), (count, memory, byte))| {
            let lines = [one, two].map(|(site, _)| self.program.sites[*site as usize].as_ref());
            let (variable, mut byte) = self.program.variable(*memory, *byte, *byte as u64);
            let texel = self.textures.get(memory).map(|(extent, bytes)| {
                let number = byte / u64::from(TEXEL_BYTES);
                byte = number * bytes;
                texel::numbered(extent, number)
            });
            Race {
                kernel: self.program.name.clone(),
                lines: lines.map(|line| Some(line?.number)),
                files: lines.map(|line| line?.file.as_deref().map(str::to_owned)),
                accesses: [one.1, two.1],
                between: *between,
                count: *count,
                variable: variable.to_owned(),
                byte,
                texel,
            }
        });
        let mut by_line = Vec::new();
        races.for_each(|race| race.add_to(&mut by_line));
        by_line
    }
}
