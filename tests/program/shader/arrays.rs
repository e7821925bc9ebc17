//! Arrays that `flopmeter shader` binds and writes: `.npy` files and tensors of safetensors files.

use std::fs;

use flopmeter::tensors::{self, Entry};

use super::{refused, report, written};

/// A file as `numpy.save` writes it: its magic, a version, a header padded to 64 bytes, the elements.
fn npy(version: [u8; 2], header: &str, elements: &[u8]) -> Vec<u8> {
    let wide = if version[0] == 1 { 2 } else { 4 };
    let mut header = header.to_owned();
    while !(8 + wide + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u32).to_le_bytes();
    [b"\x93NUMPY", &version[..], &length[..wide], header.as_bytes(), elements].concat()
}

#[test]
fn an_odd_number_of_halves_is_no_array() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        enable f16;
        @group(0) @binding(0) var<storage, read_write> x: array<f16>;
        @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) {
            if (i < arrayLength(&x)) { x[i] *= 2.0h; }
        }";
    let file = written(&folder, "twice.wgsl", source);
    let run = [&*file, "--dispatch=1", "--adapter=embedded"];
    refused(
        &[&run[..], &["--bind=0.0=iota:3"]].concat(),
        &["'x'", "6 bytes", "are a multiple of 4"],
    );
    let even = report(&[&run[..], &["--bind=0.0=random:4:0.25..0.75"]].concat());
    assert_eq!(
        (&even["ops"]["f16.mul"], &even["bind"]["0.0"]),
        (&4.into(), &"random:4:0:0.25..0.75".into())
    );
}

#[test]
fn an_array_of_numpy_is_bound_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @group(0) @binding(1) var<storage, read_write> y: array<vec3<u32>, 2>;
        @compute @workgroup_size(64)
        fn main(@builtin(global_invocation_id) id: vec3u) {
            if (id.x < arrayLength(&x)) { x[id.x] *= 2.0; }
            if (id.x == 0u) { y[1].z += 1u; }
        }";
    let file = written(&folder, "twice.wgsl", source);
    let path = folder.path().join("x.npy");
    let other = folder.path().join("y.npy");
    let bind = format!("--bind=0.0=file:{}", path.display());
    let bind_other = format!("--bind=0.1=file:{}", other.display());
    let [x, y] = ["x", "y"].map(|name| folder.path().join(name));
    let floats: Vec<u8> = (0_u8..64).flat_map(|i| f32::from(i).to_le_bytes()).collect();
    let header = |descr: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
    };
    let integers: Vec<u8> = (1_u32..7).flat_map(u32::to_le_bytes).collect();
    fs::write(&other, npy([3, 0], &header("<u4", "(2, 3)"), &integers)).unwrap();
    for (version, shape) in [([1, 0], "(64,)"), ([2, 0], "(8, 8)"), ([3, 0], "(2, 4, 8)")] {
        fs::write(&path, npy(version, &header("<f4", shape), &floats)).unwrap();
        let dumps = [format!("--dump=0.0={}", x.display()), format!("--dump=0.1={}", y.display())];
        let report = report(&[
            &file,
            "--dispatch=2",
            "--adapter=embedded",
            &bind,
            &bind_other,
            &dumps[0],
            &dumps[1],
        ]);
        assert_eq!(report["ops"]["f32.mul"], 64, "the header is not counted among the numbers");
        let doubled: Vec<f32> = bytemuck::pod_collect_to_vec(&fs::read(&x).unwrap());
        assert_eq!(doubled, (0_u8..64).map(|i| 2.0 * f32::from(i)).collect::<Vec<f32>>());
        let rows: Vec<u32> = bytemuck::pod_collect_to_vec(&fs::read(&y).unwrap());
        assert_eq!(rows, [1, 2, 3, 0, 4, 5, 7, 0], "each row has the padding of the shader");
    }

    let refused = |bytes: &[u8], says: &str| {
        fs::write(&path, bytes).unwrap();
        super::refused(&[&file, "--dispatch=2", "--adapter=embedded", &bind], &[says]);
    };
    let whole = npy([1, 0], &header("<f4", "(64,)"), &floats);
    refused(
        &npy([1, 0], &header("<f8", "(32,)"), &floats),
        "an array of f64, and the buffer is of f32: save it as float32, in NumPy with .astype('float32')",
    );
    refused(&npy([1, 0], &header(">f4", "(64,)"), &floats), "big-endian");
    refused(&npy([1, 0], &header("<c8", "(32,)"), &floats), "complex");
    let columns = "{'descr': '<f4', 'fortran_order': True, 'shape': (8, 8), }";
    refused(&npy([1, 0], columns, &floats), "Fortran order");
    refused(&npy([4, 0], &header("<f4", "(64,)"), &floats), "format is 4.0");
    refused(
        &npy([1, 0], &header("<f4", "(65,)"), &floats),
        "256 bytes behind its header, not 65 x 4",
    );
    refused(&whole[..whole.len() - 1], "255 bytes behind its header");
    refused(&whole[..40], "header is cut short");
    refused(&floats, "does not begin as an .npy file does");
    fs::write(&path, &whole).unwrap();
    fs::write(&other, npy([1, 0], &header("<u4", "(5,)"), &integers[..20])).unwrap();
    let arguments = [&file, "--dispatch=2", "--adapter=embedded", &bind, &bind_other];
    super::refused(&arguments, &["it holds 6 scalars, not 5: the shape of its array is (5,)"]);
    let want = npy([1, 0], &header("<f4", "(2, 4)"), &floats[..32]);
    fs::write(&other, want).unwrap();
    let expect = format!("--expect=0.0={}", other.display());
    let says = "it fills 32 bytes, an array of (2, 4), and the buffer has 256: 64 numbers";
    super::refused(
        &[&file, "--dispatch=2", "--adapter=embedded", &bind, "--bind=0.1=zeros:6", &expect],
        &[says],
    );
}

const TWICE: &str = "
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<vec3<u32>, 2>;
    struct Mixed { a: f32, b: u32 }
    @group(0) @binding(2) var<storage, read_write> mixed: Mixed;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3u) {
        if (id.x < arrayLength(&x)) { x[id.x] *= 2.0; }
        if (id.x == 0u) { y[1].z += 7u; mixed.b += 1u; }
    }";

#[test]
fn a_tensor_is_bound_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "twice.wgsl", TWICE);
    let path = folder.path().join("w.safetensors");
    let entries = [
        Entry { name: "bias", shape: &[2], data: &[1.0, 2.0] },
        Entry { name: "layer#0.weight", shape: &[2, 3], data: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0] },
    ];
    tensors::write_tensors(&path, &entries).unwrap();
    let bind = |name: &str| format!("--bind=0.0=file:{}#{name}", path.display());
    let dump = folder.path().join("x.npy");
    let to_dump = format!("--dump=0.0={}", dump.display());
    let run = [&*file, "--dispatch=1", "--adapter=embedded"];
    let found = report(&[&run[..], &[&bind("layer#0.weight"), &to_dump]].concat());
    assert_eq!(found["ops"]["f32.mul"], 6);
    let doubled: Vec<u8> = (1_u8..7).flat_map(|n| (2.0 * f32::from(n)).to_le_bytes()).collect();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }";
    assert_eq!(fs::read(&dump).unwrap(), npy([1, 0], header, &doubled));
    // What was written is bound again, and expected.
    let again = format!("--bind=0.0=file:{}", dump.display());
    let halves = format!("--expect=0.0={}#bias", path.display());
    assert_eq!(report(&[&run[..], &[&again]].concat())["ops"]["f32.mul"], 6);
    let bias = bind("bias");
    let wrong = [&run[..], &[&bias, &halves]].concat();
    super::shader(&wrong).assert().code(1).stdout(predicates::str::contains("[0] is 2, not 1"));

    let whole = format!("--bind=0.0=file:{}", path.display());
    refused(
        &[&run[..], &[&whole]].concat(),
        &["say which tensor", "#NAME", "bias, layer#0.weight"],
    );
    refused(&[&run[..], &[&bind("wieght")]].concat(), &["no tensor 'wieght'", "bias"]);
    let integers = format!("--bind=0.1=file:{}#layer#0.weight", path.display());
    let integers = [&run[..], &["--bind=0.0=zeros:1", &integers]].concat();
    refused(&integers, &["an array of f32, and the buffer is of u32"]);
    let few = format!("--bind=0.1=file:{}#bias", path.display());
    refused(&[&run[..], &["--bind=0.0=zeros:1", &few]].concat(), &["6 scalars, not 2"]);
    fs::write(&path, "no tensors").unwrap();
    refused(&[&run[..], &[&bind("bias")]].concat(), &["w.safetensors", "safetensors file"]);
    fs::remove_file(&path).unwrap();
    refused(&[&run[..], &[&bind("bias")]].concat(), &["w.safetensors", "cannot be read"]);
}

#[test]
fn what_is_left_is_written_as_the_array_that_the_shader_declares() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "twice.wgsl", TWICE);
    let [rows, bytes, mixed] = ["y.npy", "y.bin", "mixed.npy"].map(|name| folder.path().join(name));
    let run =
        [&*file, "--dispatch=1", "--adapter=embedded", "--bind=0.0=zeros:4", "--bind=0.1=iota:6"];
    let to = |at: &str, path: &std::path::Path| format!("--dump={at}={}", path.display());
    report(&[&run[..], &[&to("0.1", &rows), &to("0.1", &bytes)]].concat());
    let numbers: Vec<u8> = [0_u32, 1, 2, 3, 4, 12].iter().flat_map(|n| n.to_le_bytes()).collect();
    let header = "{'descr': '<u4', 'fortran_order': False, 'shape': (2, 3,), }";
    assert_eq!(fs::read(&rows).unwrap(), npy([1, 0], header, &numbers));
    assert_eq!(fs::read(&bytes).unwrap().len(), 32, "bytes are what they are, padding and all");
    fs::remove_file(&rows).unwrap();
    let dumps = [to("0.1", &rows), to("0.2", &mixed)];
    let both = [&run[..], &[&dumps[0], &dumps[1]]].concat();
    refused(&both, &["mixed.npy: 0.2", "several types", "another name"]);
    assert!(!rows.exists() && !mixed.exists(), "nothing is half written");
}

/// NumPy has rows first and the size of a texture its width: where an array's shape is another than the texture's, the
/// image would be scrambled.
#[test]
fn an_array_that_fills_a_texture_has_its_shape() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = |name: &str, kind: &str, place: &str| {
        let source = format!(
            "@group(0) @binding(0) var image: {kind};
             @group(0) @binding(1) var<storage, read_write> x: f32;
             @compute @workgroup_size(1) fn main() {{ x = textureLoad(image, {place}, 0).x; }}"
        );
        written(&folder, name, &source)
    };
    let line = kernel("line.wgsl", "texture_1d<f32>", "1");
    let plane = kernel("plane.wgsl", "texture_2d<f32>", "vec2<u32>(1, 0)");
    let planes = kernel("planes.wgsl", "texture_2d_array<f32>", "vec2<u32>(1, 0), 0");
    let volume = kernel("volume.wgsl", "texture_3d<f32>", "vec3<u32>(1, 0, 0)");
    let (path, x) = (folder.path().join("image.npy"), folder.path().join("x"));
    let dump = format!("--dump=0.1={}", x.display());
    let run = |file: &str, size: &str, path: &str, shape: &[usize], fails: Option<&str>| {
        let bind = format!("--bind=0.0=texture:{size}:file:{path}");
        let arguments = [file, "--dispatch=1", "--adapter=embedded", "--repeat=0", &bind, &dump];
        match fails {
            Some(says) => {
                let shape = format!("shape {shape:?}").replace('[', "(").replace(']', ")");
                super::refused(&arguments, &[says, &shape]);
            }
            None => {
                report(&arguments);
            }
        }
    };
    let filled = |file: &str, size: &str, shape: &[usize], says: Option<&str>| {
        let count: usize = shape.iter().product();
        let numbers: Vec<u8> = (0..count).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let extents: Vec<String> = shape.iter().map(|extent| format!("{extent},")).collect();
        let extents = extents.join(" ");
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({extents}), }}");
        fs::write(&path, npy([1, 0], &header, &numbers)).unwrap();
        run(file, size, &path.display().to_string(), shape, says);
        // A tensor likewise.
        let tensors = folder.path().join("image.safetensors");
        let data: Vec<f32> = (0..count).map(|i| i as f32).collect();
        tensors::write_tensors(&tensors, &[Entry { name: "image", shape, data: &data }]).unwrap();
        run(file, size, &format!("{}#image", tensors.display()), shape, says);
    };
    filled(&plane, "4x2", &[2, 4, 4], None);
    filled(&plane, "4x2", &[32], None);
    filled(&plane, "4x2:r32float", &[2, 4], None);
    filled(&plane, "4x2:r32float", &[2, 4, 1], None);
    filled(&line, "8", &[8, 4], None);
    filled(&line, "8:r32float", &[8], None);
    filled(&line, "8:r32float", &[8, 1], None);
    filled(&planes, "4x2x3", &[3, 2, 4, 4], None);
    filled(&volume, "4x2x3:rg32float", &[3, 2, 4, 2], None);
    let swapped = ", and the texture's is (2, 4, 4): NumPy has rows first";
    filled(&plane, "4x2", &[4, 2, 4], Some(swapped));
    filled(&plane, "4x2:r32float", &[4, 2], Some(", and the texture's is (2, 4): NumPy has rows"));
    filled(&volume, "4x2x3:r32float", &[3, 4, 2], Some("(3, 2, 4): NumPy has rows first"));
    filled(&plane, "4x2", &[4, 2, 2, 2], Some("the texture's is (2, 4, 4)\n"));
    filled(&plane, "4x4", &[4, 8, 2], Some("the texture's is (4, 4, 4)\n"));
    filled(&plane, "4x2", &[9, 4], Some("the texture's is (2, 4, 4)\n"));
    filled(&line, "8", &[4, 8], Some("the texture's is (8, 4)\n"));
}
