//! Makes a failing program smaller: takes out blocks and lines, unwraps blocks, lowers numbers, as long as it keeps
//! failing.
//!
//! A generated program has one statement a line; a block starts with a line that ends in `{` and ends with one that
//! starts with `}`.

/// The smallest program found by which `fails` still holds. `budget` bounds how often it is asked.
pub fn shrink(source: &str, mut budget: usize, fails: &mut dyn FnMut(&str) -> bool) -> String {
    let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
    loop {
        let before = lines.len();
        let mut changed = false;
        let mut window = (lines.len() / 2).max(1);
        while window > 0 {
            let mut at = 0;
            while at < lines.len() {
                let end = end_of_statement(&lines, at).map(|end| {
                    let mut end = end;
                    for _ in 1..window {
                        match end_of_statement(&lines, end) {
                            Some(next) => end = next,
                            None => break,
                        }
                    }
                    end
                });
                let tried = end.is_some_and(|end| {
                    let shorter = [&lines[..at], &lines[end..]].concat();
                    attempt(&mut lines, shorter, &mut budget, fails)
                });
                changed |= tried;
                if !tried {
                    at += 1;
                }
            }
            window /= 2;
        }
        for at in (0..lines.len()).rev() {
            if at >= lines.len() {
                continue;
            }
            if let Some(end) = end_of_statement(&lines, at).filter(|&end| end > at + 1) {
                let body = lines[at + 1..end - 1].iter().filter(|line| !line.trim_start().starts_with('}')).cloned();
                let unwrapped = lines[..at].iter().cloned().chain(body).chain(lines[end..].iter().cloned()).collect();
                changed |= attempt(&mut lines, unwrapped, &mut budget, fails);
            }
        }
        for at in 0..lines.len() {
            for simpler in simpler_lines(&lines[at]) {
                let mut other = lines.clone();
                other[at] = simpler;
                if attempt(&mut lines, other, &mut budget, fails) {
                    changed = true;
                    break;
                }
            }
        }
        if budget == 0 || !changed && lines.len() == before {
            return lines.join("\n") + "\n";
        }
    }
}

fn attempt(
    lines: &mut Vec<String>,
    candidate: Vec<String>,
    budget: &mut usize,
    fails: &mut dyn FnMut(&str) -> bool,
) -> bool {
    if *budget == 0 {
        return false;
    }
    *budget -= 1;
    let better = fails(&(candidate.join("\n") + "\n"));
    if better {
        *lines = candidate;
    }
    better
}

/// The line after the statement that starts at `at`; nothing if none starts there.
fn end_of_statement(lines: &[String], at: usize) -> Option<usize> {
    let mut depth = 0i32;
    for (i, line) in lines.iter().enumerate().skip(at) {
        let line = line.trim();
        if line.starts_with('}') {
            depth -= 1;
        }
        if depth < 0 || i == at && line.starts_with('}') {
            return None;
        }
        if line.ends_with('{') {
            depth += 1;
        }
        if depth == 0 {
            return Some(i + 1);
        }
    }
    None
}

/// The line with one part in parentheses replaced by one of its operands or by a number.
fn simpler_lines(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (open, _) in line.match_indices('(') {
        let Some(length) = matching(&line[open..]) else { continue };
        let (before, inside, after) = (&line[..open], &line[open + 1..open + length], &line[open + length + 1..]);
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ']') {
            continue;
        }
        found.push(format!("{before}1{after}"));
        // Generated operators stand between spaces.
        let mut depth = 0;
        let parts: Vec<(usize, char)> = inside.char_indices().collect();
        for &(i, c) in &parts {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                ' ' if depth == 0 => {
                    found.push(format!("{before}{}{after}", &inside[..i]));
                    found.push(format!("{before}{}{after}", &inside[i + 1..]));
                }
                _ => {}
            }
        }
    }
    found
}

/// Where the parenthesis that opens `text` is closed.
fn matching(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
    None
}
