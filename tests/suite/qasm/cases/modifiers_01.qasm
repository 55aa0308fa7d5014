OPENQASM 3.0;
include "stdgates.inc";
gate mine(b, a) v, w { rx(a) v; ctrl @ U(b, a, 0.3) v, w; inv @ t w; gphase(a*b); h v; pow(2) @ sx w; }
qubit[4] q;
ry(0.3) q[0];
ry(0.7) q[1];
ry(1.1) q[2];
ry(1.5000000000000002) q[3];
inv @ negctrl @ pow(0.5) @ tdg q[0], q[1];
negctrl @ negctrl @ pow(3) @ sx q[3], q[2], q[0];
negctrl @ tdg q[0], q[2];
 cu(-2.616, 1.549, 0.547, -1.192) q[2], q[1];
negctrl @ negctrl @ cy q[3], q[0], q[1], q[2];
negctrl @ y q[1], q[3];
negctrl @ ctrl @ ch q[3], q[2], q[1], q[0];
ctrl @ cx q[0], q[1], q[3];
