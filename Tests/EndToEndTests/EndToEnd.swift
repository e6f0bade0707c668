import Testing

/// The built program on replicas of the public bucket; one test at a time, since all of them want both the processor
/// and quiet.
@Suite(.serialized, .timeLimit(.minutes(60)))
enum EndToEnd {}
