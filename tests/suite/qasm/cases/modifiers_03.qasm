OPENQASM 3.0;
include "stdgates.inc";
gate mine(b, a) v, w { rx(a) v; ctrl @ U(b, a, 0.3) v, w; inv @ t w; gphase(a*b); h v; pow(2) @ sx w; }
qubit[4] q;
ry(0.3) q[0];
ry(0.7) q[1];
ry(1.1) q[2];
ry(1.5000000000000002) q[3];
negctrl @ cp(1.294) q[2], q[3], q[1];
negctrl @ inv @ ctrl @ u2(-0.967, 1.73) q[1], q[0], q[3];
ctrl @ u1(-0.883) q[3], q[0];
 cx q[0], q[1];
ctrl @ ctrl @ sx q[1], q[3], q[0];
negctrl @ ctrl @ ctrl @ ry(1.549) q[0], q[3], q[2], q[1];
negctrl @ u3(-1.665, 1.823, -1.568) q[0], q[3];
ctrl @ cy q[1], q[3], q[0];
