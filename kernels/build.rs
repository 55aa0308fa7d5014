//! Compiles the CUDA kernels to PTX for the feature `cuda`, as candle does with its own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    {
        let out = std::path::PathBuf::from(std::env::var("OUT_DIR").expect("cargo names a directory"));
        cudaforge::KernelBuilder::new()
            .source_dir("cuda")
            // The headers as well: unchanged kernels are not compiled again.
            .watch(["common", "cuda"])
            .arg("-std=c++17")
            .arg("-O3")
            .build_ptx()
            .and_then(|kernels| kernels.write(out.join("kernels.rs")))
            .expect("the feature `cuda` needs nvcc (see NVCC and CUDA_COMPUTE_CAP) to compile the kernels");
    }
}
