// Bluetooth headsets: the phone's side of the Hands-Free and Headset Profiles over a serial line.
export { AudioGateway, type GatewayOptions, type GatewayOutlet } from "./gateway.js";
export * from "./headset.js";
export { HeadsetLink, type OpenPort, openSerial, type Port } from "./link.js";
