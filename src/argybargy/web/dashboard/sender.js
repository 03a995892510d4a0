// The name that the operator speaks under. It is only a name: that the human speaks is
// marked by the relay.
import { passing, remembered } from "./storage.js";

export const sender = remembered(passing, "argy_sender", "operator");
