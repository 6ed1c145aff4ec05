//! How runs end that do not end by themselves: by signals, with no room for their output, with files that have no end.
//! What was printed is there.
#![cfg(unix)]

mod support;

#[path = "support/build.rs"]
mod build;
#[path = "support/source.rs"]
mod source;

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use support::{run, walrus_run, walrusc};

/// Programs that print and then run for ever, each in another kind of work.
const ENDLESS: &[(&str, &str)] = &[
    ("loop", "let i = 0; while true { i += 1; }"),
    ("float loop", "let x = 0.5; while x != 7.0 { x = x * 0.5 + 0.25; }"),
    ("recursion", "fn fib : n { if n < 2 { return n; } return fib(n - 1) + fib(n - 2); } fib(80);"),
    ("built-in", "let xs = [1, 2]; xs.sort(: a, b { while true { } });"),
    ("long built-in", "let s = \"ab\" * 30000000; while true { s.contains(\"aab\"); }"),
    ("input", "core.input();"),
];

/// What ends a program.
const SIGNALS: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// How much longer than 100 ms a small machine with other work on it may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts a program for which signals do what they do by default: whoever runs the tests may ignore some, as a shell
/// does for what it starts in the background, and a program goes on ignoring what it was started to ignore.
fn start(program: &Path, flags: &[&str]) -> Child {
    let mut command = walrus_run();
    command.args(flags).arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let restore = || {
        for signal in SIGNALS {
            // SAFETY: it changes no memory, and may be called between `fork` and `exec`.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    // SAFETY: `restore` allocates nothing and takes no lock.
    unsafe { command.pre_exec(restore) };
    command.spawn().expect("walrus-run starts")
}

fn send(child: &Child, signal: i32) {
    let status = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    assert!(status.expect("there is a kill").success());
}

fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().expect("a child");
            panic!("the signal did not end the program");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn output(child: &mut Child) -> String {
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    text
}

#[test]
fn a_signal_ends_the_program_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (index, (name, work)) in ENDLESS.iter().enumerate() {
        let source = format!("for i in 0..10 {{ println(f\"line {{i}}\"); }}\n{work}");
        let program = source::build(folder.path(), &format!("p{index}"), source).expect("it compiles");
        for (flags, signal) in [&[][..], &["--jit"], &["--jit", "--jit-threshold=1"]].into_iter().zip(SIGNALS) {
            let mut child = start(&program, flags);
            std::thread::sleep(Duration::from_millis(400));
            send(&child, signal);
            let status = wait(&mut child);
            assert_eq!(status.signal(), Some(signal), "{name} {flags:?}: {status}");
            let expected: String = (0..10).map(|i| format!("line {i}\n")).collect();
            assert_eq!(output(&mut child), expected, "{name} {flags:?}");
        }
    }
}

/// The signal comes while a block is being written into a pipe that is read slowly: nothing is written twice, and
/// nothing is missing in between.
#[test]
fn a_signal_during_a_write_repeats_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = "let i = 0; while true { println(i); i += 1; }";
    let program = source::build(folder.path(), "p", source).expect("it compiles");
    for round in 0..12 {
        let mut child = start(&program, &["--jit"]);
        let mut out = child.stdout.take().expect("a pipe");
        let reader = std::thread::spawn(move || {
            let (mut text, mut part) = (Vec::new(), [0; 5000]);
            while let Ok(count @ 1..) = out.read(&mut part) {
                text.extend_from_slice(&part[..count]);
                if text.len() < 2_000_000 {
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
            String::from_utf8(text).expect("text")
        });
        std::thread::sleep(Duration::from_millis(150 + 7 * round));
        send(&child, libc::SIGTERM);
        assert_eq!(wait(&mut child).signal(), Some(libc::SIGTERM));
        let text = reader.join().expect("the reader does not panic");
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let (mut next, mut lines) = (0, 0);
        for line in text[..whole].lines() {
            assert_eq!(line, next.to_string(), "round {round}, line {lines}");
            next += 1;
            lines += 1;
        }
        assert!(next.to_string().starts_with(&text[whole..]), "round {round}");
        assert!(lines > 100, "round {round}: only {lines} lines");
    }
}

#[test]
fn a_reader_that_takes_nothing_keeps_nobody_alive() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = source::build(folder.path(), "p", "while true { println(\"x\" * 1000); }").expect("it compiles");
    let mut child = start(&program, &[]);
    std::thread::sleep(Duration::from_millis(400));
    send(&child, libc::SIGINT);
    assert_eq!(wait(&mut child).signal(), Some(libc::SIGINT));
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = "let t = core.clock(); while core.clock() < t + 1.0 { } println(\"done\");";
    let program = source::build(folder.path(), "p", source).expect("it compiles");
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" \"$1\"", env!("CARGO_BIN_EXE_walrus-run")])
        .arg(&program)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    std::thread::sleep(Duration::from_millis(400));
    send(&child, libc::SIGHUP);
    assert_eq!(wait(&mut child).code(), Some(0));
    assert_eq!(output(&mut child), "done\n");
}

/// Runs a command of the shell in which `$RUN` is walrus-run.
fn shell(folder: &Path, script: &str) -> support::Outcome {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(folder).env("RUN", env!("CARGO_BIN_EXE_walrus-run"));
    run(&mut command, b"").expect("the shell ends")
}

#[test]
fn a_limit_of_file_sizes_is_a_full_disk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    source::build(folder.path(), "p", "for i in 0..100000 { println(i); }").expect("it compiles");
    let outcome = shell(folder.path(), "ulimit -f 8; exec \"$RUN\" p.wbc > out.txt");
    assert_eq!(outcome.status, Some(2), "{}", outcome.describe());
    assert!(outcome.err().contains("cannot write the output"), "{}", outcome.describe());

    let source = "import \"std/io\"; try { io.write_file(\"f\", \"x\" * 100000); } catch e { println(e); }";
    source::build(folder.path(), "q", source).expect("it compiles");
    let outcome = shell(folder.path(), "ulimit -f 8; exec \"$RUN\" q.wbc");
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    assert!(outcome.out().starts_with("Failed to write 'f': "), "{}", outcome.describe());
}

#[test]
fn a_full_disk_hides_no_error() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    source::build(folder.path(), "p", "println(1); throw \"boom\";").expect("it compiles");
    let outcome = shell(folder.path(), "exec \"$RUN\" p.wbc > /dev/full");
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    assert!(outcome.err().starts_with("Thrown value: boom\n"), "{}", outcome.describe());
    assert!(outcome.err().contains("cannot write the output"), "{}", outcome.describe());

    source::build(folder.path(), "q", "println(1);").expect("it compiles");
    let outcome = shell(folder.path(), "exec \"$RUN\" q.wbc > /dev/full");
    assert_eq!(outcome.status, Some(2), "{}", outcome.describe());
    assert!(outcome.err().contains("cannot write the output"), "{}", outcome.describe());
}

/// A reader that has gone is no reason to keep quiet about an error.
#[test]
fn a_closed_pipe_hides_no_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    source::build(
        folder.path(),
        "p",
        "let t = core.clock(); while core.clock() < t + 0.5 { } println(1); throw \"boom\";",
    )
    .expect("it compiles");
    let outcome = shell(folder.path(), "{ \"$RUN\" p.wbc; echo $? > status; } | true; sleep 2; cat status");
    assert_eq!(outcome.out(), "1\n", "{}", outcome.describe());
    assert!(outcome.err().starts_with("Thrown value: boom\n"), "{}", outcome.describe());
}

#[test]
fn files_without_an_end_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sparse = std::fs::File::create(folder.path().join("sparse.walrus")).expect("a file");
    if sparse.set_len(8 << 30).is_err() {
        return;
    }
    std::fs::write(folder.path().join("p.walrus"), "import \"sparse.walrus\"; println(1);").expect("a file");
    for input in ["sparse.walrus", "/dev/zero"] {
        let outcome = build::execute::<&str>(&folder.path().join(input), &[]).expect("it ends");
        assert_eq!(outcome.status, Some(2), "{}", outcome.describe());
        assert!(outcome.err().contains("larger than 256 MiB"), "{}", outcome.describe());
    }
    for input in ["sparse.walrus", "/dev/zero", "p.walrus"] {
        let outcome = run(walrusc().args(["--check", input]).current_dir(&folder), b"").expect("it ends");
        assert!(matches!(outcome.status, Some(1 | 2)), "{}", outcome.describe());
        assert!(outcome.err().contains("larger than 256 MiB"), "{}", outcome.describe());
    }
}

/// Nobody else's link is followed: the map's name can be guessed, and its folder is everybody's.
#[test]
#[cfg(all(target_os = "linux", feature = "jit"))]
fn the_perf_map_follows_no_link() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    source::build(folder.path(), "p", "let t = 0; for i in 0..100000 { t = t + i; } println(t);").expect("it compiles");
    let script = "export TMPDIR=\"$PWD\"; echo mine > victim; ln -s victim perf-$$.map; \
                  exec \"$RUN\" --jit --jit-wait --perf-map p.wbc";
    let outcome = shell(folder.path(), script);
    assert_eq!((outcome.status, outcome.err().as_str()), (Some(0), ""), "{}", outcome.describe());
    assert_eq!(std::fs::read_to_string(folder.path().join("victim")).expect("a file"), "mine\n");
    let maps = std::fs::read_dir(folder.path()).expect("a folder").flatten();
    let map = maps.map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(".map")).expect("a map");
    assert!(!map.is_symlink() && std::fs::read_to_string(map).expect("text").contains("walrus:"));
}

/// Ways to want ever more memory.
const GROWING: &[(&str, &str)] = &[
    ("text", "let s = \"x\"; while true { s = s + s; }"),
    ("text in place", "let s = \"\"; while true { s += \"0123456789abcdef\"; }"),
    ("dict", "let d = {}; let i = 0; while true { d[i * 0.5] = i; i += 1; }"),
    ("list", "let xs = []; while true { xs.push(1); }"),
    ("objects", "let xs = []; while true { xs.push((1, 2)); }"),
    ("lists", "let xs = []; while true { xs = [xs, [1, 2, 3, \"a\"]]; }"),
];

#[test]
fn memory_that_the_system_refuses_is_an_error_like_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (index, (name, work)) in GROWING.iter().enumerate() {
        // In a function, so that what it has made is let go of with it.
        let grow = format!("println(\"start\");\nfn grow : {{ {work} }}\n");
        let caught =
            "try { grow(); } catch e { println(\"caught\", e); }\nlet xs = [7] * 100000; println(core.len(xs));";
        source::build(folder.path(), &format!("caught{index}"), format!("{grow}{caught}")).expect("it compiles");
        source::build(folder.path(), &format!("uncaught{index}"), format!("{grow}grow();")).expect("it compiles");
        for flags in ["", "--jit"] {
            let run = |program: &str| {
                shell(
                    folder.path(),
                    &format!("ulimit -v 300000; exec \"$RUN\" --max-heap 4G {flags} {program}{index}.wbc"),
                )
            };
            let outcome = run("caught");
            assert_eq!(outcome.status, Some(0), "{name} {flags}: {}", outcome.describe());
            assert_eq!(
                outcome.out(),
                "start\ncaught Out of memory\n100000\n",
                "{name} {flags}: {}",
                outcome.describe()
            );
            let outcome = run("uncaught");
            assert_eq!(outcome.status, Some(1), "{name} {flags}: {}", outcome.describe());
            assert_eq!(outcome.out(), "start\n", "{name} {flags}: {}", outcome.describe());
            assert!(outcome.err().starts_with("Out of memory\n"), "{name} {flags}: {}", outcome.describe());
        }
    }
}

/// Who catches the error and goes on as before comes to an end all the same.
#[test]
fn going_on_without_memory_comes_to_an_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = "println(\"start\"); let xs = (); while true { try { while true { xs = (xs, 1); } } catch e { } }";
    source::build(folder.path(), "p", source).expect("it compiles");
    let outcome = shell(folder.path(), "ulimit -v 300000; exec \"$RUN\" --max-heap 4G p.wbc");
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    assert_eq!((outcome.out().as_str(), outcome.err().lines().next()), ("start\n", Some("Out of memory")));
}

#[test]
fn programs_start_in_little_address_space() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = "fn f : n { if n == 0 { return 0; } return 1 + f(n - 1); }\n\
                  let xs = []; for i in 0..50000 { xs.push(i * 2); } println(core.len(xs), f(1000));";
    source::build(folder.path(), "p", source).expect("it compiles");
    source::build(folder.path(), "q", "println(1); let xs = []; while true { xs = [xs, [1]]; }").expect("it compiles");
    for kilobytes in [64 << 10, 100 << 10, 200 << 10, 290 << 10] {
        for flags in ["", "--jit"] {
            let outcome = shell(folder.path(), &format!("ulimit -v {kilobytes}; exec \"$RUN\" {flags} p.wbc"));
            assert_eq!(outcome.status, Some(0), "{kilobytes} {flags}: {}", outcome.describe());
            assert_eq!(outcome.out(), "50000 1000\n");
        }
        // The heap's limit heeds that of the address space.
        let outcome = shell(folder.path(), &format!("ulimit -v {kilobytes}; exec \"$RUN\" q.wbc"));
        assert_eq!(outcome.status, Some(1), "{kilobytes}: {}", outcome.describe());
        assert_eq!(outcome.out(), "1\n");
        assert!(outcome.err().starts_with("Out of memory"), "{kilobytes}: {}", outcome.describe());
    }
}

/// Where memory may not be made executable, as in hardened services, a run is interpreted, and says why.
#[cfg(target_os = "linux")]
#[test]
fn without_executable_memory_the_program_is_interpreted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = "let t = 0; for i in 0..5000 { t += i; } println(t);";
    source::build(folder.path(), "p", source).expect("it compiles");
    // `prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN)`, which kernels before 6.3 do not know.
    let harden = "import ctypes, os, sys; sys.exit(99) if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) else os.execv(sys.argv[1], sys.argv[1:])";
    let command = format!("exec python3 -c '{harden}' \"$RUN\" --jit --jit-wait --jit-stats=json p.wbc");
    let outcome = shell(folder.path(), &command);
    if outcome.status == Some(99) {
        println!("this kernel cannot forbid executable memory");
        return;
    }
    assert_eq!((outcome.status, outcome.out().as_str()), (Some(0), "12497500\n"), "{}", outcome.describe());
    assert!(outcome.err().contains("\"refused\": \"N0217\""), "{}", outcome.describe());
}

/// A pipe is read like a file, once and no further than a file may be long.
#[test]
fn named_pipes_are_read_like_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(
        folder.path().join("i.walrus"),
        "import \"pipe\"; import \"pipe\" as again; println(pipe.x + again.x);",
    )
    .expect("a file");
    source::build(folder.path(), "p", "println(2);").expect("it compiles");
    let with_pipe = |writer: &str, command: &str| {
        let walrusc = env!("CARGO_BIN_EXE_walrusc");
        let script = format!("rm -f pipe; mkfifo pipe; {{ {writer}; }} > pipe 2> /dev/null & {command}");
        shell(folder.path(), &script.replace("WALRUSC", walrusc))
    };
    for (writer, command, out) in [
        ("echo 'println(1);'", "\"WALRUSC\" pipe -o q.wbc && \"$RUN\" q.wbc", "1\n"),
        ("cat p.wbc", "\"$RUN\" pipe", "2\n"),
        ("cat p.wbc", "\"$RUN\" --jit pipe", "2\n"),
        ("echo 'let x = 4;'", "\"WALRUSC\" i.walrus -o i.wbc && \"$RUN\" i.wbc", "8\n"),
    ] {
        let outcome = with_pipe(writer, command);
        assert_eq!((outcome.status, outcome.out().as_str()), (Some(0), out), "{command}: {}", outcome.describe());
    }
    for (command, status) in
        [("\"WALRUSC\" --check pipe", 2), ("\"WALRUSC\" --check i.walrus", 1), ("\"$RUN\" pipe", 2)]
    {
        let outcome = with_pipe("cat /dev/zero", command);
        assert_eq!(outcome.status, Some(status), "{command}: {}", outcome.describe());
        assert!(outcome.err().contains("larger than 256 MiB"), "{command}: {}", outcome.describe());
    }
}

/// Built-ins that make much of little keep to the limit: beside what they make, there is at most one copy of it.
#[test]
fn what_built_ins_hold_while_they_work_is_bounded() {
    // Its largest size in MiB, after what the program printed. A process of its own, as what is started has its
    // starter's size at first.
    let measure = "import resource, subprocess, sys\n\
                   subprocess.run(sys.argv[1:])\n\
                   print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)";
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("measure.py"), measure).expect("a file");
    let endless = "yes | tr -d '\\n' |";
    for (index, (work, input, printed, most)) in [
        // A list of the characters takes 58 MiB.
        ("core.len((\"ab\" * 1900000).chars())", "", "3800000", 90),
        ("core.len((\"ab\" * 1900000).split(\"\"))", "", "3800000", 90),
        ("core.len((\"ab\" * 3000000).chars())", "", "Value too large", 40),
        ("core.len(core.input())", endless, "Value too large", 150),
        ("core.len(io.read_stdin())", endless, "Value too large", 150),
        ("core.len(io.file_read_line(io.file_open(\"/dev/zero\", \"r\")))", "", "Value too large", 150),
    ]
    .into_iter()
    .enumerate()
    {
        let source =
            format!("import \"std/io\"; try {{ println({work}); }} catch e {{ println(e); }} io.file_exists(\"p\");");
        source::build(folder.path(), &format!("p{index}"), source).expect("it compiles");
        for flags in ["", "--jit"] {
            let script = format!("{input} python3 measure.py \"$RUN\" --max-heap 64M {flags} p{index}.wbc 2>&1");
            let outcome = shell(folder.path(), &script);
            let text = outcome.out();
            let (first, size) = text.trim().split_once('\n').expect("two lines");
            let size: u64 = size.parse().expect("a number");
            assert!(first.contains(printed) && size <= most, "{work} {flags}: {}", outcome.describe());
        }
    }
}

/// The programs that were asked to use threads do without, where the system gives none.
#[cfg(target_os = "linux")]
#[test]
fn without_threads_everything_is_done_by_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), everybody).expect("it is ours");
    let long: String = (0..3000).map(|n| format!("let a{n} = {n}; println(a{n} + {n});\n")).collect();
    let hot = "fn f : n { let t = 0; for i in 0..n { t += i % 7; } return t; }\nprintln(f(100000));\n";
    for name in ["a", "b", "c"] {
        std::fs::write(folder.path().join(format!("{name}.walrus")), format!("{hot}{long}")).expect("a file");
    }
    // The limit counts all processes of a user, and binds nobody who may do anything.
    let confine = "import os, resource, sys
if os.getuid() == 0: os.setgroups([]); os.setgid(54321); os.setuid(54321)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
os.execv(sys.argv[1], sys.argv[1:])";
    std::fs::write(folder.path().join("confine.py"), confine).expect("a file");
    let confined = |command: &str| {
        let command = command.replace("WALRUSC", env!("CARGO_BIN_EXE_walrusc"));
        shell(folder.path(), &format!("export HOME=\"$PWD\"; exec python3 confine.py {command}"))
    };
    let check = "import threading; threading.Thread(target=print).start()";
    let python = shell(folder.path(), "command -v python3").out();
    if confined(&format!("{} -c '{check}'", python.trim())).status == Some(0) {
        println!("this system gives threads all the same");
        return;
    }
    let outcome = confined("\"WALRUSC\" a.walrus b.walrus c.walrus --out-dir out");
    assert_eq!((outcome.status, outcome.err().as_str()), (Some(0), ""), "{}", outcome.describe());
    let interpreted = confined("\"$RUN\" out/a.wbc");
    assert_eq!(interpreted.status, Some(0), "{}", interpreted.describe());
    for flags in ["--jit", "--jit --jit-wait", "--jit --jit-stats --audit-verdicts"] {
        let outcome = confined(&format!("\"$RUN\" {flags} out/b.wbc"));
        assert_eq!(outcome.status, Some(0), "{flags}: {}", outcome.describe());
        assert_eq!(outcome.stdout, interpreted.stdout, "{flags}");
    }
}
