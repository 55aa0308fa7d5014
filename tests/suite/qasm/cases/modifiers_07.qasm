OPENQASM 3.0;
include "stdgates.inc";
gate mine(b, a) v, w { rx(a) v; ctrl @ U(b, a, 0.3) v, w; inv @ t w; gphase(a*b); h v; pow(2) @ sx w; }
qubit[4] q;
ry(0.3) q[0];
ry(0.7) q[1];
ry(1.1) q[2];
ry(1.5000000000000002) q[3];
negctrl @ inv @ ctrl @ rz(2.813) q[0], q[2], q[1];
 ch q[2], q[3];
 u2(-2.381, 0.527) q[3];
negctrl @ s q[0], q[2];
pow(2) @ negctrl @ inv @ z q[2], q[0];
 x q[3];
ctrl @ ccx q[0], q[3], q[2], q[1];
 u2(1.494, 2.607) q[2];
