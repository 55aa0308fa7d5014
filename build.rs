//! Compiles the CUDA kernels to PTX for the feature `cuda`, as candle does with its own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=kernels");
    #[cfg(feature = "cuda")]
    {
        let out = std::path::PathBuf::from(std::env::var("OUT_DIR").expect("cargo names a directory"));
        cudaforge::KernelBuilder::new()
            .source_dir("kernels/cuda")
            .arg("-std=c++17")
            .arg("-O3")
            .build_ptx()
            .and_then(|kernels| kernels.write(out.join("kernels.rs")))
            .expect("nvcc compiles kernels/cuda");
    }
}
