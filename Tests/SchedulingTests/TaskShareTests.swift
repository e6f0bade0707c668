import Testing

@testable import Job
@testable import Scheduling

@Suite struct TaskShareTests {
    @Test(arguments: [
        ("0/1", 0, 1), ("3/16", 3, 16), ("16/16", 0, 16), ("1/1", 0, 1), ("999999/1000000", 999_999, 1_000_000),
    ])
    func flags(text: String, index: Int, count: Int) throws {
        let share = try #require(TaskShare(parsing: text))
        #expect((share.index, share.count) == (index, count))
    }

    @Test(arguments: ["", "3", "/", "3/", "/16", "17/16", "-1/16", "3/0", "3/16/2", "a/b", "3/1000001", "1.5/4"])
    func whatIsNoTask(text: String) { #expect(TaskShare(parsing: text) == nil) }

    @Test(
        arguments: [
            (
                [
                    "SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "15",
                    "SLURM_ARRAY_TASK_STEP": "1", "SLURM_ARRAY_TASK_COUNT": "16",
                ], 5, 16
            ),
            // --array=1-10
            (
                [
                    "SLURM_ARRAY_TASK_ID": "10", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "10",
                    "SLURM_ARRAY_TASK_STEP": "1", "SLURM_ARRAY_TASK_COUNT": "10",
                ], 9, 10
            ),
            // --array=100-130:10
            (
                [
                    "SLURM_ARRAY_TASK_ID": "120", "SLURM_ARRAY_TASK_MIN": "100", "SLURM_ARRAY_TASK_MAX": "130",
                    "SLURM_ARRAY_TASK_STEP": "10", "SLURM_ARRAY_TASK_COUNT": "4",
                ], 2, 4
            ),
            // --array=3,7,20: within the count, whatever it is
            (
                [
                    "SLURM_ARRAY_TASK_ID": "20", "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_MAX": "20",
                    "SLURM_ARRAY_TASK_STEP": "1", "SLURM_ARRAY_TASK_COUNT": "3",
                ], 2, 3
            ),
            // Without a count
            (
                [
                    "SLURM_ARRAY_TASK_ID": "6", "SLURM_ARRAY_TASK_MIN": "4", "SLURM_ARRAY_TASK_MAX": "8",
                    "SLURM_ARRAY_TASK_STEP": "2",
                ], 1, 3
            ),
            (["JOB_COMPLETION_INDEX": "2", "JOB_COMPLETIONS": "8"], 2, 8),
            (["JOB_COMPLETION_INDEX": "2", "JOB_COMPLETION_COUNT": "8"], 2, 8),
        ] as [([String: String], Int, Int)])
    func batchSystems(environment: [String: String], index: Int, count: Int) throws {
        let share = try #require(TaskShare(environment: environment))
        #expect((share.index, share.count) == (index, count))
    }

    @Test(arguments: [[:], ["JOB_COMPLETION_INDEX": "2"], ["SLURM_JOB_ID": "7"], ["SLURM_ARRAY_TASK_ID": "x"]])
    func whatIsNoTaskAtAll(environment: [String: String]) { #expect(TaskShare(environment: environment) == nil) }

    @Test(
        arguments: [
            ("3600", 3600), ("90s", 90), ("90m", 5400), ("1h30m", 5400), ("2d", 172_800), ("0.5h", 1800),
            ("1:00:00", 3600),
            ("10:30", 630), ("1-12", 129_600), ("1-12:30:15", 131_415),
        ] as [(String, Double)])
    func budgets(text: String, seconds: Double) throws {
        #expect(try #require(TimeBudget(parsing: text)).seconds == seconds)
    }

    @Test(arguments: ["", "0", "-5", "h", "1h1h", "5m1h", "1x", "1h30", "nan", "inf", "1:2:3:4", "1-", "-1:0"])
    func whatIsNoBudget(text: String) { #expect(TimeBudget(parsing: text) == nil, "\(text)") }

    @Test func slurmSaysWhenItIsOver() throws {
        func seconds(_ start: String?, _ end: String, now: Double) -> Double? {
            var environment = ["SLURM_JOB_END_TIME": end]
            environment["SLURM_JOB_START_TIME"] = start
            return TimeBudget(environment: environment, now: now)?.seconds
        }
        #expect(seconds("1000", "4600", now: 1000) == 3540)
        #expect(seconds("1000", "4600", now: 4000) == 540)
        // A short job is not all margin.
        #expect(seconds("1000", "1060", now: 1005) == 44)
        // A clock that is an hour off: the length of the job counts.
        #expect(seconds("1000", "4600", now: 1000 - 7200) == 3540)
        #expect(seconds("1000", "4600", now: 1000 + 7200) == 3540)
        #expect(seconds(nil, "4600", now: 1000) == 3540)
        // No limit
        #expect(seconds("1000", "99999999999", now: 1000) == nil)
        #expect(TimeBudget(environment: [:], now: 0) == nil)
    }
}
