package policy

func (v *Invalidates) limits() faults {
	var found faults
	found.tags("invalidates.tags", v.Tags)
	if len(v.Tags) == 0 {
		found.add("invalidates.tags", "names no tag", `write the tags to purge, such as "order:{id}"`)
	}
	return found
}

func (v *Invalidates) rules(rpc RPC, _ Method) faults {
	var found faults
	if rpc.Idempotency == NoSideEffects {
		found.add("invalidates", "the RPC is declared NO_SIDE_EFFECTS, so no stored response becomes stale",
			`remove the block, or write "invalidates: {disabled: true}"`)
	}
	if rpc.streaming() {
		found.notOnStreams("invalidates", "purging by a stream")
	}
	found.tagFields("invalidates.tags", rpc.Input, v.Tags)
	return found
}
