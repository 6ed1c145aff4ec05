//! What the machine lets a process have: memory, address space, and how a run divides them.

/// Native stack of the thread that runs the program. Address space only: pages are taken when they are touched.
const MOST_NATIVE_STACK: usize = 256 << 20;
/// Enough for built-ins and a little nesting.
const LEAST_NATIVE_STACK: usize = 2 << 20;
/// Programs, their tables and the frames of calls, roughly.
const BESIDE_HEAP: usize = 40 << 20;
/// Most of each of the two reserves that pay for an `Out of memory` and its handler.
const MOST_RESERVE: usize = 4 << 20;
/// What a heap is limited to unless the user says otherwise.
const MOST_HEAP: usize = 4 << 30;

/// The native stack that the address space allows. The registers take four times as much.
pub fn native_stack() -> usize {
    address_space().map_or(MOST_NATIVE_STACK, |all| (all / 32).clamp(LEAST_NATIVE_STACK, MOST_NATIVE_STACK))
}

/// Bytes to put aside for the moment at which the system refuses memory.
pub fn reserve() -> usize {
    address_space().map_or(MOST_RESERVE, |all| (all / 64).min(MOST_RESERVE))
}

/// Four GiB, or three quarters of what the machine, the process's group and its address space leave, whichever is less.
pub fn default_max_heap() -> usize {
    let beside_heap = 5 * native_stack() + 2 * reserve() + BESIDE_HEAP;
    let address_space = address_space().map(|all| all.saturating_sub(beside_heap).max(all / 8));
    let least = [memory(), group_limit(), address_space].into_iter().flatten().min();
    least.map_or(MOST_HEAP, |bytes| (bytes / 4 * 3).min(MOST_HEAP))
}

/// The machine's memory in bytes, where it can be asked for.
#[cfg(target_os = "linux")]
fn memory() -> Option<usize> {
    let info = rustix::system::sysinfo();
    usize::try_from(info.totalram).ok()?.checked_mul(info.mem_unit as usize)
}

/// The limit of the process's address space, if it has one.
#[cfg(target_os = "linux")]
fn address_space() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::As).current.and_then(|bytes| usize::try_from(bytes).ok())
}

/// The least memory limit among the control groups that the process is in, of either version of them.
#[cfg(target_os = "linux")]
fn group_limit() -> Option<usize> {
    limit_of_groups(&std::fs::read_to_string("/proc/self/cgroup").ok()?, &|path| std::fs::read_to_string(path).ok())
}

/// As [`group_limit`], of the groups in the text of `/proc/self/cgroup`.
#[cfg(any(target_os = "linux", test))]
fn limit_of_groups(groups: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<usize> {
    let mut least: Option<usize> = None;
    for line in groups.lines() {
        // `number:controllers:path`; version 2 names no controllers.
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // A limit holds for all groups inside. Seen from a container, its own group may be the root.
        let mut path = path.trim_end_matches('/');
        loop {
            let limit = read(&format!("{root}{path}/{file}")).and_then(|text| text.trim().parse::<usize>().ok());
            least = least.into_iter().chain(limit).min();
            match path.rfind('/') {
                Some(end) => path = &path[..end],
                None => break,
            }
        }
    }
    least
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<usize> {
    None
}

#[cfg(not(target_os = "linux"))]
fn address_space() -> Option<usize> {
    None
}

#[cfg(not(target_os = "linux"))]
fn group_limit() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_a_group_and_those_around_it_counts() {
        let read = |path: &str| match path {
            "/sys/fs/cgroup/a/b/memory.max" => Some("max\n".to_owned()),
            "/sys/fs/cgroup/a/memory.max" => Some("4096\n".to_owned()),
            "/sys/fs/cgroup/memory.max" => Some("8192\n".to_owned()),
            "/sys/fs/cgroup/memory/c/memory.limit_in_bytes" => Some("1024\n".to_owned()),
            _ => None,
        };
        assert_eq!(limit_of_groups("0::/a/b\n", &read), Some(4096));
        assert_eq!(limit_of_groups("0::/\n", &read), Some(8192));
        assert_eq!(limit_of_groups("5:cpu,memory:/c\n4:cpuset:/x\n0::/a\n", &read), Some(1024));
        assert_eq!(limit_of_groups("4:cpuset:/x\n", &read), None);
    }
}
