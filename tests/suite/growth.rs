//! A long training run takes no more memory than a short one.

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{AdamW, Optimizer, VarMap};
use candlewick::nn::SeededInit;
use candlewick::prelude::*;

#[test]
fn ten_thousand_steps_leave_nothing_behind() -> Result<()> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let mut circuit = Circuit::new(3);
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..3).map(input));
    circuit.strongly_entangling_layers("theta", 2);
    let layer = QuantumLayer::new(circuit, Measurement::expectation((0..3).map(z)), vb)?;
    let x = Tensor::arange(0f32, 24., &Device::Cpu)?.reshape((8, 3))?;
    let mut optimizer = AdamW::new_lr(varmap.all_vars(), 0.01)?;
    // So little work stays on this thread, whose allocations are counted.
    let mut train = |steps: usize| -> Result<()> {
        (0..steps).try_for_each(|_| optimizer.backward_step(&layer.forward(&x)?.sqr()?.mean_all()?))
    };
    train(100)?;
    let mut outcome = Ok(());
    let counted = allocation_counter::measure(|| outcome = train(10_000));
    outcome?;
    assert_eq!(counted.bytes_current, 0, "{counted:?}");
    Ok(())
}
