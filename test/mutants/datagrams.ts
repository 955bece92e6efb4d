import type { DatagramLink, SimulatedServer } from '@shoal/testing';

/** Datagrams of several kinds from several clients, some of which the network loses; settles, and looks at what came. */
export async function talk(server: SimulatedServer, link: DatagramLink = {}): Promise<void> {
  const clients = [
    await server.datagramClient({ link }),
    await server.datagramClient({ link, from: '10.0.0.7' }),
  ];
  const words = ['', 'later ', 'twice ', 'half ', ''];
  for (let round = 0; round < 12; round++) {
    for (const client of clients) client.send(`${words[round % words.length]}${client.id} ${round}`);
    if (round % 3 === 2) await server.advance(15);
  }
  await server.settle();
}
