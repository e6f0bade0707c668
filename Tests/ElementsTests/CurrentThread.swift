import Foundation

/// A number that tells threads apart.
func currentThread() -> UInt { UInt(bitPattern: ObjectIdentifier(Thread.current)) }
