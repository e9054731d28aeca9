package transcode

// New returns an empty frame for a message of the same type, for another attempt
// of the call. It is safe for concurrent use.
func (f *Frame) New() *Frame { return newFrame(f.empty) }

// MoveTo hands what the frame holds to another one.
func (f *Frame) MoveTo(to *Frame) {
	to.free()
	to.wire, to.typed = f.wire, f.typed
	f.wire, f.typed = nil, nil
}

// Free gives back what the frame holds.
func (f *Frame) Free() { f.free() }
