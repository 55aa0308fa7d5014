# To be sourced: NVIDIA's compiler from PyPI, in target/. Sets CUDA_TOOLKIT and REAL_NVCC.
cuda_tools=target/cuda-tools
if [ ! -x "$cuda_tools/bin/pip" ]; then python3 -m venv "$cuda_tools"; fi
"$cuda_tools/bin/pip" install --quiet 'cuda-toolkit[nvcc,crt,nvvm,cccl,cudart]==13.0.*'
CUDA_TOOLKIT=$(echo "$PWD/$cuda_tools"/lib/python3*/site-packages/nvidia/cu13)
REAL_NVCC=$CUDA_TOOLKIT/bin/nvcc
export CUDA_TOOLKIT REAL_NVCC
test -x "$REAL_NVCC" || { echo "missing tool: nvcc" >&2; exit 1; }
