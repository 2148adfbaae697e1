//! A fixed part of the simulation, with every run of the tests. `cargo sim` runs more: see `docs/simulation.md`.

// `tools/test` runs these beside all others, by the name of this module.
mod whole_runs {
    use std::process::Command;

    /// Runs `cargo sim` with these arguments and holds its last line against `expected`.
    fn sim(arguments: &str, expected: &str) {
        let output = Command::new(env!("CARGO_BIN_EXE_log-sim"))
            .args(arguments.split_whitespace())
            .output()
            .expect("the simulation starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.trim_end().lines().next_back().unwrap_or_default();
        assert!(
            output.status.success() && last == expected,
            "cargo sim {arguments}\n{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// One test, so that the parts do not compete for the cores that each of them uses all of.
    #[test]
    fn a_fixed_set_of_seeds_is_deterministic_and_without_violation_and_every_planted_bug_is_found()
    {
        for scenario in SCENARIOS {
            sim(
                &format!("meta {scenario} --seeds 1..2"),
                "2 seeds, 0 violations",
            );
        }
        sim("bite --within 50", "67 planted bugs, 0 not found");
        for scenario in SCENARIOS {
            sim(
                &format!("{scenario} --seeds 1..20"),
                "20 seeds, 0 violations",
            );
        }
    }

    #[test]
    fn clusters_lose_nothing_and_serve_every_partition_again() {
        sim("cluster --seeds 1..16", "16 seeds, 0 violations");
    }

    const SCENARIOS: [&str; 12] = [
        "smoke",
        "crash",
        "shutdown",
        "fencing",
        "outage",
        "vanished",
        "readers",
        "exactly-once",
        "registers",
        "cursors",
        "replicas",
        "swarm",
    ];

    /// Seeds that found a bug once, with what is drawn for them since left out. Each is told in `docs/simulation.md`.
    #[test]
    fn the_seeds_that_found_bugs_find_them_no_more() {
        for run in [
            "readers --seed 7",
            "fencing --seed 160 --no-retention",
            "fencing --seed 440 --no-retention",
            "swarm --seed 74 --no-retention",
            "swarm --seed 430",
            "swarm --seed 493 --no-retention",
            "swarm --seed 3340",
            "swarm --seed 20223",
            "swarm --seed 20264",
            "shutdown --seed 34",
            "vanished --seed 75",
        ] {
            sim(run, "1 seeds, 0 violations");
        }
    }
}
