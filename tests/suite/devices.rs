//! The choice of the device.

use candle_core::Device;
use candlewick::Error;
use candlewick::device::{self, DeviceKind};
use candlewick::error::DeviceError;

#[test]
fn the_best_device_computes() -> candlewick::Result<()> {
    let device = device::best()?;
    let expected = match (cfg!(feature = "cuda"), cfg!(feature = "metal")) {
        (false, false) => vec![DeviceKind::Cpu],
        (cuda, _) => vec![DeviceKind::Cpu, if cuda { DeviceKind::Cuda } else { DeviceKind::Metal }],
    };
    assert!(expected.contains(&DeviceKind::of(&device)));
    assert!(DeviceKind::Cpu.open()?.is_cpu());
    assert_eq!(DeviceKind::of(&Device::Cpu), DeviceKind::Cpu);
    Ok(())
}

/// A device that this build does not know is an error and never the CPU.
#[test]
fn devices_that_are_not_there() {
    for (kind, feature) in [(DeviceKind::Cuda, cfg!(feature = "cuda")), (DeviceKind::Metal, cfg!(feature = "metal"))] {
        if !feature {
            let error = kind.open().expect_err("no support");
            let Error::Device(DeviceError::NotCompiled { device }) = error else { panic!("{error}") };
            assert_eq!(device, kind.to_string());
        }
    }
}

#[test]
fn names_of_devices() {
    for kind in [DeviceKind::Cpu, DeviceKind::Cuda, DeviceKind::Metal] {
        assert_eq!(kind.to_string().parse::<DeviceKind>().expect("its own name"), kind);
    }
    let error = "gpu".parse::<DeviceKind>().expect_err("no kind");
    assert!(matches!(&error, Error::Device(DeviceError::UnknownKind { name }) if name == "gpu"), "{error}");
}
