const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Which version of IP an address in text is of; 0 for what is none. An IPv6 address may name its interface: `fe80::1%eth0`. */
export function ipVersion(address: string): 4 | 6 | 0 {
  if (IPV4.test(address)) return 4;
  const [plain = '', scope, ...rest] = address.split('%');
  if (rest.length > 0 || scope === '' || !/^[\da-f:.]{2,45}$/i.test(plain)) return 0;
  if (scope !== undefined && !/^[\w.-]{1,32}$/.test(scope)) return 0;
  return URL.canParse(`http://[${plain}]/`) ? 6 : 0;
}
