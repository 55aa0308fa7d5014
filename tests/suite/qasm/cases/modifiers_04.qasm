OPENQASM 3.0;
include "stdgates.inc";
gate mine(b, a) v, w { rx(a) v; ctrl @ U(b, a, 0.3) v, w; inv @ t w; gphase(a*b); h v; pow(2) @ sx w; }
qubit[4] q;
ry(0.3) q[0];
ry(0.7) q[1];
ry(1.1) q[2];
ry(1.5000000000000002) q[3];
pow(1.5) @ z q[2];
 tdg q[0];
inv @ ctrl @ pow(0) @ u3(2.745, -1.109, 2.017) q[2], q[3];
ctrl @ ctrl @ s q[3], q[1], q[2];
negctrl @ inv @ rx(-0.481) q[1], q[0];
pow(2) @ negctrl @ x q[3], q[2];
ctrl @ cp(0.114) q[1], q[0], q[3];
inv @ h q[0];
