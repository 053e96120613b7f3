"""A snapshot of the monitor as a picture: HTML with SVG, made of strings alone.

The notebook and the web page show the same one. In the order in which to read it:

    scale      round ticks, and units that suit
    charts     what the four charts show, as numbers
    lanes      which worker ran what, as bars
    words      what the queue is doing, in words
    style      colors and fonts
    svg        pieces that the charts and the lanes share
    timeline   the lanes of the workers, as SVG
    frame      the whole frame: counts, charts as SVG, lanes
    overview   the whole run in a strip
    look       a window on a monitor: frame and strip, again and again
"""
