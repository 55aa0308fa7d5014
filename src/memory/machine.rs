//! Memory that the machine has left for this process, read from texts of the kernel.
//!
//! On Linux four limits bound a process: the memory of the machine, the limits of its control group and of the groups
//! around it, and its own limits on address space and on data. Pages of files that the kernel can drop at any time do
//! not count as used memory. On other systems the memory of the machine counts alone, and in WebAssembly the module's.

/// Returns the bytes that this process can still allocate, or `None` if nothing reports them.
#[cfg(target_os = "linux")]
pub(super) fn available_memory() -> Option<u64> {
    use std::fs::read_to_string;
    use std::path::Path;

    let read = |path: &Path| read_to_string(path).ok();
    let process = |name: &str| read(&Path::new("/proc/self").join(name)).unwrap_or_default();
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| text::machine(&text));
    let groups = text::groups(&process("cgroup"), &process("mountinfo"));
    let group = groups.iter().filter_map(|group| group.left(&read)).min();
    [machine, group, text::limits(&process("limits"), &process("status"))].into_iter().flatten().min()
}

/// Returns the bytes that this process can still allocate, or `None` if nothing reports them.
#[cfg(all(not(target_os = "linux"), not(target_family = "wasm")))]
pub(super) fn available_memory() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    (system.total_memory() > 0).then(|| system.available_memory())
}

/// Returns the bytes by which the memory of the module can still grow; it ends at 4 GiB.
#[cfg(target_family = "wasm")]
pub(super) fn available_memory() -> Option<u64> {
    const PAGE: u64 = 1 << 16;
    Some((1 << 32) - PAGE * core::arch::wasm32::memory_size::<0>() as u64)
}

/// Parsers of the kernel's texts; nothing here reads a file.
#[cfg(any(target_os = "linux", test))]
mod text {
    use std::path::{Path, PathBuf};

    /// Returns the number after a key, in bytes, whatever text stands between them. A number in kB is converted.
    fn number(text: &str, key: &str) -> Option<u64> {
        let line = text.lines().find_map(|line| {
            let rest = line.strip_prefix(key)?;
            rest.starts_with([':', ' ', '\t']).then_some(rest)
        })?;
        let mut words = line.trim_start_matches(':').split_whitespace();
        let number: u64 = words.next()?.parse().ok()?;
        if words.next() == Some("kB") { number.checked_mul(1024) } else { Some(number) }
    }

    /// Returns the bytes that the machine has available, from `/proc/meminfo`.
    pub(super) fn machine(meminfo: &str) -> Option<u64> {
        let older = || {
            let parts = ["MemFree", "Buffers", "Cached"].map(|key| number(meminfo, key).unwrap_or(0));
            number(meminfo, "MemFree").map(|_| parts.iter().fold(0, |sum: u64, part| sum.saturating_add(*part)))
        };
        number(meminfo, "MemAvailable").or_else(older)
    }

    /// Returns the bytes that the process's own limits leave, from `/proc/self/limits` and `/proc/self/status`.
    pub(super) fn limits(limits: &str, status: &str) -> Option<u64> {
        let left = |limit: &str, used: &str| {
            let limit = number(limits, limit)?;
            Some(limit.saturating_sub(number(status, used).unwrap_or(0)))
        };
        [left("Max address space", "VmSize"), left("Max data size", "VmData")].into_iter().flatten().min()
    }

    /// Hierarchy of control groups, from the process's own group up to the root that it sees.
    #[derive(Debug, PartialEq)]
    pub(super) struct Hierarchy {
        files: [&'static str; 2],
        root: PathBuf,
        /// Process's own group, below the root.
        own: PathBuf,
    }

    const FIRST: [&str; 2] = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
    const SECOND: [&str; 2] = ["memory.max", "memory.current"];

    /// Returns the hierarchies that limit the process's memory, from `/proc/self/cgroup` and `/proc/self/mountinfo`.
    pub(super) fn groups(cgroup: &str, mountinfo: &str) -> Vec<Hierarchy> {
        let group = |line: &str| {
            let mut parts = line.splitn(3, ':');
            let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let files = match (number, controllers) {
                ("0", "") => SECOND,
                _ if controllers.split(',').any(|name| name == "memory") => FIRST,
                _ => return None,
            };
            let (mounted, root) = mounts(mountinfo, files == SECOND)?;
            // Inside a container a group may have a path of the machine. Its root is then the mounted group.
            let own = Path::new(path).strip_prefix(mounted).unwrap_or(Path::new(""));
            let own = own.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
            Some(Hierarchy { files, root: root.into(), own })
        };
        cgroup.lines().filter_map(group).collect()
    }

    /// Returns the mounted part of the hierarchy of memory, and the directory where it is mounted.
    fn mounts(mountinfo: &str, second: bool) -> Option<(&str, &str)> {
        mountinfo.lines().find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let mut kind = kind.split(' ');
            let fits = match kind.next()? {
                "cgroup2" => second,
                "cgroup" => !second && kind.nth(1)?.split(',').any(|option| option == "memory"),
                _ => false,
            };
            let mut fields = mount.split(' ').skip(3);
            fits.then_some((fields.next()?, fields.next()?))
        })
    }

    impl Hierarchy {
        /// Returns the bytes that the tightest of the groups leaves, if a group has a limit.
        pub(super) fn left(&self, read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
            let inside = self.own.ancestors().map(|own| self.root.join(own));
            inside.filter_map(|group| self.left_in(&group, read)).min()
        }

        fn left_in(&self, group: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
            let file = |name: &str| read(&group.join(name));
            // The text "max" is no limit; in the first version no limit is a number beyond any memory.
            let [limit, used] = self.files.map(|name| file(name)?.trim().parse::<u64>().ok());
            let statistics = file("memory.stat").unwrap_or_default();
            let pages = |kind: &str| {
                let all = number(&statistics, &format!("total_{kind}_file"));
                all.or_else(|| number(&statistics, &format!("{kind}_file"))).unwrap_or(0)
            };
            let dropped = pages("inactive").saturating_add(pages("active"));
            Some(limit?.saturating_sub(used.unwrap_or(0).saturating_sub(dropped)))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::collections::HashMap;

        const FIRST_MOUNT: &str = "\
25 19 0:22 / /sys rw,nosuid - sysfs sysfs rw
33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
36 25 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:17 - cgroup cgroup rw,memory
";
        const SECOND_MOUNT: &str = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

        /// Returns the bytes that control groups with these files leave.
        fn left(cgroup: &str, mountinfo: &str, files: &[(&str, &str)]) -> Option<u64> {
            let files: HashMap<_, _> =
                files.iter().map(|(path, text)| (Path::new(*path), (*text).to_owned())).collect();
            let read = |path: &Path| files.get(path).cloned();
            groups(cgroup, mountinfo).iter().filter_map(|group| group.left(&read)).min()
        }

        #[test]
        fn the_machine_says_what_is_available() {
            let text = "MemTotal:       24000000 kB\nMemFree:  100 kB\nMemAvailable:   23372168 kB\nBuffers: 5 kB\nCached: 7 kB\n";
            assert_eq!(machine(text), Some(23_372_168 << 10));
            let older = "MemTotal: 9 kB\nMemFree: 100 kB\nBuffers: 5 kB\nCached: 7 kB\nSwapCached: 1 kB\n";
            assert_eq!(machine(older), Some(112 << 10));
            assert_eq!(machine(""), None);
            assert_eq!(machine("MemAvailable: many kB\n"), None);
        }

        #[test]
        fn pages_of_files_are_not_used_memory() {
            let group = "9:cpu,cpuacct:/x\n4:memory:/job/step\n";
            let step = "/sys/fs/cgroup/memory/job/step/memory";
            let files = [
                (&*format!("{step}.limit_in_bytes"), "4000\n"),
                (&format!("{step}.usage_in_bytes"), "3500\n"),
                (
                    &format!("{step}.stat"),
                    "cache 3000\ninactive_file 1\ntotal_inactive_file 2000\ntotal_active_file 900\n",
                ),
            ];
            assert_eq!(left(group, FIRST_MOUNT, &files), Some(3400));
            // Without statistics everything counts as used.
            assert_eq!(left(group, FIRST_MOUNT, &files[..2]), Some(500));
            assert_eq!(left(group, FIRST_MOUNT, &files[..1]), Some(4000));
            assert_eq!(left(group, FIRST_MOUNT, &[]), None);
        }

        #[test]
        fn the_tightest_group_counts() {
            let files = [
                ("/sys/fs/cgroup/memory.max", "max\n"),
                ("/sys/fs/cgroup/user.slice/memory.max", "1000\n"),
                ("/sys/fs/cgroup/user.slice/memory.current", "900\n"),
                ("/sys/fs/cgroup/user.slice/memory.stat", "anon 1\ninactive_file 100\nactive_file 50\n"),
                ("/sys/fs/cgroup/user.slice/job/memory.max", "700\n"),
                ("/sys/fs/cgroup/user.slice/job/memory.current", "100\n"),
            ];
            assert_eq!(left("0::/user.slice/job\n", SECOND_MOUNT, &files), Some(250));
            assert_eq!(left("0::/user.slice\n", SECOND_MOUNT, &files), Some(250));
            assert_eq!(left("0::/\n", SECOND_MOUNT, &files), None);
            // Beside the first version, the second version limits nothing unless it is mounted.
            assert_eq!(left("0::/user.slice/job\n", FIRST_MOUNT, &files), None);
        }

        #[test]
        fn containers_see_their_own_root() {
            let docker = "36 25 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
            let files = [
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000"),
                ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "400"),
                ("/sys/fs/cgroup/memory/step/memory.limit_in_bytes", "9223372036854771712"),
                ("/sys/fs/cgroup/memory/step/memory.usage_in_bytes", "300"),
            ];
            for path in ["/docker/abc", "/docker/abc/step", "/elsewhere", "/../.."] {
                assert_eq!(left(&format!("4:memory:{path}\n"), docker, &files), Some(600), "{path}");
            }
        }

        #[test]
        fn the_process_has_limits_of_its_own() {
            let text = |data: &str, space: &str| {
                format!(
                    "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max data size             {data}            unlimited            bytes     \n\
                     Max address space         {space}            unlimited            bytes     \n"
                )
            };
            let status = "Name:\tmem\nVmPeak:\t  9000 kB\nVmSize:\t  100 kB\nVmData:\t  20 kB\n";
            assert_eq!(limits(&text("unlimited", "unlimited"), status), None);
            assert_eq!(limits(&text("unlimited", "1024000"), status), Some(1_024_000 - 102_400));
            assert_eq!(limits(&text("30720", "1024000"), status), Some(10_240));
            assert_eq!(limits(&text("unlimited", "1000"), status), Some(0));
            assert_eq!(limits("", ""), None);
        }
    }
}
