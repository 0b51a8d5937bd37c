module example.test/orders

go 1.26

require github.com/signalbox-mesh/signalbox v0.0.0

replace github.com/signalbox-mesh/signalbox => ../../..
