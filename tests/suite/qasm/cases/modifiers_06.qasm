OPENQASM 3.0;
include "stdgates.inc";
gate mine(b, a) v, w { rx(a) v; ctrl @ U(b, a, 0.3) v, w; inv @ t w; gphase(a*b); h v; pow(2) @ sx w; }
qubit[4] q;
ry(0.3) q[0];
ry(0.7) q[1];
ry(1.1) q[2];
ry(1.5000000000000002) q[3];
inv @ inv @ z q[3];
 ry(-2.058) q[2];
ctrl @ ctrl @ ctrl @ p(0.881) q[1], q[3], q[2], q[0];
inv @ negctrl @ inv @ s q[1], q[0];
negctrl @ inv @ negctrl @ rz(-0.235) q[0], q[1], q[2];
pow(-2) @ cu(1.217, -0.477, 1.165, -0.235) q[2], q[3];
 cx q[3], q[0];
 phase(-2.218) q[2];
