"""Zones for secondaries: a hidden primary with AXFR, IXFR and NOTIFY, in a process of its own.

Three rooms, imported downwards only; `process` puts them together:

- `answering`: requests of secondaries and their answers over UDP and TCP; who may have which zone.
- `secondaries`: our requests to them. Each is told of changes and asked how far it is; catalogs.
- `journal`: the zones, their versions, and the files that these are kept in. Both of the others use it, and
  do not know each other. `peer`, below it, is how addresses are compared.

The words
---------
serial       The number of a version. It rises with each change, and never stands for two contents. A zone's
             comes with the feed; a catalog's is made here, by the leader alone.
head         The current version of a zone: its serial and its SOA.
journal      What each RRset that changed was in the versions before the head; an entry a version.
difference   From any version in the journal to the head: one condensed IXFR (RFC 1995 section 5). A secondary
             whose version is not in the journal gets an AXFR.
NOTIFY       Tells a secondary that there is a new version (RFC 1996), repeated until it answers or has it.
SOA poll     Asks a secondary which serial it has: soon after a NOTIFY, and every 15 s.
lag          How far the serial that a secondary shows is behind ours, and since when.
catalog      A zone that lists our zones (RFC 9432). Its content is generated here, from the settings.
leading      Only the leader answers transfers and sends NOTIFY. While another replica leads, a journal is
             held: it stands still, and then goes on with the difference to what the content is by then.

How a change reaches a secondary
--------------------------------
The change comes in (`journal`)::

    feed.Follower               a Delta of the control process
    TransferZones.apply_delta   the zone that it is of
    ExportedZone.advance        at most 64 records an RRset; what differs
    JournaledZone.advance       the new head
    Journal.append              an entry for the previous version
    JournalFile.on_appended     queued for the disk; nothing waits for that

and is told (`secondaries`)::

    Secondaries.on_version      all secondaries of the zone
    SecondaryWatch.on_version   one of them
    Notifier.announce           at once, or 100 ms after the previous one
    Exchange.send               the NOTIFY, over UDP

The secondary asks for the SOA and for what is new (`answering`)::

    udp.receiver, TcpServer     a request
    Responder.respond           whose is it (Access.authenticate), may it (Access.allows)
    TransferStream.messages     IXFR where that is less than the zone, else AXFR
    difference                  from its serial to the head
    render.messages             in wire format, as few messages as it takes
    request.finish              EDNS and TSIG

and shows that it has it (`secondaries`)::

    Exchange.on_response        its answer to the NOTIFY
    Poller.hurry                so that it is asked soon
    SerialQuery.ask             which serial it has
    SecondaryWatch.report       the state, to the control process: `publish.secondaries_feed`
"""
