//! What a program asks of its driver beside what a pipeline is to compute: flags, in either of their forms, and what it
//! wants to be told. Knows no modules.

#![expect(
    unsafe_code,
    reason = "structures of the program are behind pointers, and hang one on another"
)]

use ash::vk;

use crate::chain::find;

/// Whether the program asks for a pipeline to take out of the driver what it was compiled to: a kernel that counts in a
/// file of the program's would write to memory that is not there when the program runs without the layer.
///
/// # Safety
/// The structure is whole.
pub(super) unsafe fn is_kept(info: &vk::ComputePipelineCreateInfo<'_>) -> bool {
    // VK_PIPELINE_CREATE_2_CAPTURE_DATA_BIT_KHR, which is newer than the bindings at hand.
    const CAPTURE_DATA: u64 = 0x8000_0000;
    // SAFETY: as the caller promises.
    unsafe { flags(info) & CAPTURE_DATA != 0 }
}

/// The flags of a request: those of 64 bits where it has them, which stand in the place of its own.
///
/// # Safety
/// The structure is whole.
pub(super) unsafe fn flags(info: &vk::ComputePipelineCreateInfo<'_>) -> u64 {
    // SAFETY: as the caller promises.
    unsafe {
        let wide = find::<vk::PipelineCreateFlags2CreateInfoKHR<'_>>(info.p_next);
        wide.map_or_else(|| info.flags.as_raw().into(), |wide| (*wide).flags.as_raw())
    }
}

/// Has a pipeline compiled where it is in no cache. Flags of 64 bits become those of 32 bits, where they are no others and
/// stand first in the chain; elsewhere the driver refuses the pipeline, and the program has its own.
///
/// # Safety
/// The structure is whole.
pub(super) unsafe fn compiled(info: &mut vk::ComputePipelineCreateInfo<'_>) {
    let refused = vk::PipelineCreateFlags::FAIL_ON_PIPELINE_COMPILE_REQUIRED;
    info.flags &= !refused;
    // SAFETY: as the caller promises.
    let wide = unsafe {
        let wide = find::<vk::PipelineCreateFlags2CreateInfoKHR<'_>>(info.p_next);
        wide.filter(|wide| wide.cast() == info.p_next).map(|wide| &*wide)
    };
    let narrow = wide.and_then(|wide| u32::try_from(wide.flags.as_raw()).ok());
    let narrow = narrow.map(vk::PipelineCreateFlags::from_raw);
    let narrow = narrow.filter(|flags| flags.contains(refused));
    if let (Some(flags), Some(wide)) = (narrow, wide) {
        info.flags = flags & !refused;
        info.p_next = wide.p_next;
    }
}

/// What a driver has told of how it made a pipeline, and where.
///
/// # Safety
/// The structure is whole.
pub(super) unsafe fn feedback(
    info: &vk::ComputePipelineCreateInfo<'_>,
) -> Vec<(*mut vk::PipelineCreationFeedback, vk::PipelineCreationFeedback)> {
    // SAFETY: as the caller promises.
    unsafe {
        let asked = find::<vk::PipelineCreationFeedbackCreateInfo<'_>>(info.p_next);
        let Some(asked) = asked.map(|asked| &*asked) else { return Vec::new() };
        let stages = (0..asked.pipeline_stage_creation_feedback_count as usize)
            .map(|at| asked.p_pipeline_stage_creation_feedbacks.add(at));
        let all = [asked.p_pipeline_creation_feedback].into_iter().chain(stages);
        all.filter(|at| !at.is_null()).map(|at| (at, *at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_that_counts_is_compiled() {
        let refuses = 0x100;
        for (asked, left) in
            [(refuses, 0), (refuses | 1, 1), (1 << 40 | refuses, 1 << 40 | refuses)]
        {
            let asked = vk::PipelineCreateFlags2KHR::from_raw(asked);
            let mut wide = vk::PipelineCreateFlags2CreateInfoKHR::default().flags(asked);
            let mut told = vk::PipelineCreationFeedbackCreateInfo::default();
            let info = vk::ComputePipelineCreateInfo::default().push_next(&mut told);
            let mut info = info.push_next(&mut wide);
            // SAFETY: the structures are alive.
            unsafe {
                compiled(&mut info);
                assert!(find::<vk::PipelineCreationFeedbackCreateInfo<'_>>(info.p_next).is_some());
                assert_eq!(flags(&info), left);
            }
        }
        let narrow = vk::PipelineCreateFlags::from_raw(0x101);
        let mut info = vk::ComputePipelineCreateInfo::default().flags(narrow);
        // SAFETY: as above.
        unsafe { compiled(&mut info) };
        assert_eq!(info.flags.as_raw(), 1);
    }

    #[test]
    fn a_pipeline_that_the_program_keeps_is_its_own() {
        for (flags, kept) in [(0x8000_0000, true), (0x8000_0001, true), (1, false)] {
            let flags = vk::PipelineCreateFlags2KHR::from_raw(flags);
            let mut more = vk::PipelineCreateFlags2CreateInfoKHR::default().flags(flags);
            let info = vk::ComputePipelineCreateInfo::default().push_next(&mut more);
            // SAFETY: the structures are alive.
            assert_eq!(unsafe { is_kept(&info) }, kept);
        }
        // SAFETY: as above.
        assert!(!unsafe { is_kept(&vk::ComputePipelineCreateInfo::default()) });
    }
}
