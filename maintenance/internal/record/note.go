package record

import "encoding/json"

// Note stands for a record that the store refuses: it keeps of it what cannot be refused, its place in its stream, and why.
func (r Record) Note(cause string) Record {
	attrs, _ := json.Marshal(map[string]string{"signalbox.refused": clean(cause, maxName)})
	return Record{
		TS: r.TS, Level: max(min(r.Level, 64), -64), Service: r.Service, Instance: r.Instance, Epoch: r.Epoch, Class: r.Class, Seq: r.Seq,
		Logger: "signalbox", Msg: "a record that the store refuses", Attrs: attrs, Expired: r.Expired,
	}
}
