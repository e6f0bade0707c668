import Foundation

func currentThreadName() -> String { Thread.current.name ?? "" }
